from __future__ import annotations

import dataclasses
import pickle

import numpy as np
import pytest

from chex.inference.detection import PromptReader
from chex.inference.features import Answer
from chex.inference.report import ReportWriter, default_prompts
from chex.inference.session import Session
from chex.records import Query, ScoredBox

BOX = (0.1, 0.2, 0.4, 0.6)
LABELS = ("cig/lung opacity", "edema")
QUERIES = [
    Query(text="pleural effusion", name="pleural_effusion"),
    Query(box=BOX),
    Query(text="opacity", box=BOX),
    Query(text="right lung", name="right lung"),
]


@pytest.fixture(scope="module")
def images() -> list[np.ndarray]:
    generator = np.random.default_rng(0)
    return [generator.integers(0, 256, shape, dtype=np.uint8) for shape in ((200, 150), (90, 150), (128, 128))]


@pytest.fixture(scope="module")
def session(tiny_model) -> Session:
    return Session(tiny_model)


def numbers_of(answer: Answer) -> np.ndarray:
    """Everything the answer says: boxes, scores, probabilities and the token."""
    boxes = [side for found in answer.boxes for side in (*found.box, found.score)]
    probabilities = [p for _, p in answer.probabilities]
    return np.concatenate([boxes, probabilities, [answer.abnormal], np.asarray(answer.token)])


def test_answers_depend_neither_on_other_queries_nor_on_other_images(session, images):
    features = session.encode(images)
    asked = [QUERIES, QUERIES[::-1], QUERIES[1:3]]
    together = session.reader.detect(features, asked, LABELS)
    for image, row, found in zip(images, asked, together):
        for query, answer in zip(row, found):
            alone = session.reader.detect(session.encode([image]), [[query]], LABELS)[0][0]
            assert np.abs(numbers_of(alone) - numbers_of(answer)).max() <= 1e-5


def test_answers_to_boxes_keep_the_box_and_texts_give_boxes_in_the_image(session, images):
    text, box, both, region = session.reader.detect(session.encode(images[:1]), [QUERIES])[0]
    assert box.boxes[0].box == both.boxes[0].box == BOX
    for answer in (text, region):
        scores = [b.score for b in answer.boxes]
        assert scores == sorted(scores, reverse=True)
        for found in answer.boxes:
            x_min, y_min, x_max, y_max = found.box
            assert 0 <= x_min <= x_max <= 1 and 0 <= y_min <= y_max <= 1
    assert [name for name, _ in text.probabilities] == ["pleural_effusion"]
    assert pickle.loads(pickle.dumps(text)).boxes == text.boxes


def test_a_finding_is_the_same_by_name_and_by_text(session, images):
    asked = [
        Query(text="pleural effusion", name="pleural_effusion"),
        Query(text="Pleural effusion "),
        Query(text="something else entirely"),
    ]
    asked[1:1] = [Query(text="pleural effusion", name="what I call it")]
    named, called, by_text, other = session.reader.detect(session.encode(images[:1]), [asked])[0]
    assert [name for name, _ in by_text.probabilities] == ["pleural_effusion"] and not other.probabilities
    assert dict(named.probabilities) == pytest.approx(dict(called.probabilities))
    assert [b.score for b in named.boxes] == pytest.approx([b.score for b in called.boxes])
    assert named.boxes[0].score <= named.probabilities[0][1] + 1e-6


def test_labels_are_asked_by_id_or_dataset_label(session, images):
    features = session.encode(images[:1])
    answer = session.reader.detect(features, [[QUERIES[1]]], LABELS)[0][0]
    assert [name for name, _ in answer.probabilities] == list(LABELS)
    assert all(0 < p < 1 for _, p in answer.probabilities)
    with pytest.raises(ValueError, match="cig/lung opacty"):
        session.reader.detect(features, [[QUERIES[1]]], ("cig/lung opacty",))


def test_nothing_asked_and_nothing_to_ask(session, images):
    assert session.encode([]) == [] and session.ask([], []) == []
    assert session.ask(session.encode(images[:2]), [[], QUERIES[:1]])[0] == []
    with pytest.raises(ValueError, match="found 1 for 2 images"):
        session.reader.detect(session.encode(images[:2]), [[]])


@pytest.mark.parametrize("image", [np.zeros((4, 4)), np.zeros((4, 4, 3), np.uint8), np.zeros((0, 4), np.uint8), "x"])
def test_images_that_are_none_are_refused(session, image):
    with pytest.raises(ValueError, match="grayscale image"):
        session.encode([image])


def test_constant_and_one_pixel_images_are_answered(session):
    features = session.encode([np.zeros((50, 40), np.uint8), np.full((1, 1), 255, np.uint8)])
    for findings in session.ask(features, [QUERIES[:1]] * 2):
        assert np.isfinite([box.score for box in findings[0].boxes]).all()


def test_report(session, images):
    first, second = session.report(images[:2])
    assert first.provenance.prompt_set == "chexpert-and-anatomy"
    assert dict(first.provenance.thresholds) == dataclasses.asdict(session.reader.model.config.inference)
    assert first.provenance.input_sha256 != second.provenance.input_sha256
    assert all(f.boxes and f.sentence for f in first.findings)
    sentences = [f.sentence.lower() for f in first.findings]
    assert len(sentences) == len(set(sentences))
    assert session.report(images[1:2])[0].text == second.text


def test_default_prompts_are_findings_and_regions():
    prompts = default_prompts()
    assert len(prompts.queries) == 29 and len({q.name for q in prompts.queries}) == 29


@pytest.fixture(scope="module")
def writer(tiny_model) -> ReportWriter:
    return ReportWriter(tiny_model)


@pytest.fixture(scope="module")
def answer(tiny_model, images) -> Answer:
    reader = PromptReader(tiny_model)
    return reader.detect(reader.encode(images[:1]), [QUERIES[:1]])[0][0]


def made(answer: Answer, name: str, *scores: float, abnormal: float = 1.0) -> Answer:
    boxes = tuple(ScoredBox(BOX, score) for score in scores)
    return dataclasses.replace(answer, query=Query(text=name, name=name), boxes=boxes, abnormal=abnormal)


def test_normal_regions_are_left_out_and_findings_stay(writer, answer):
    answers = [made(answer, "right lung", 0.9, abnormal=0.4), made(answer, "edema", 0.1, abnormal=0.1)]
    assert [a.query.name for a in writer.select(answers)] == ["edema"]


def test_the_same_sentence_is_said_once_by_the_better_box(writer, answer):
    answers = [made(answer, "a", 0.2), made(answer, "b", 0.9, 0.5, 0.1), made(answer, "c", 0.3)]
    findings, text = writer.compose(answers, ["no pneumothorax", "No pneumothorax", " "])
    assert text == "No pneumothorax."
    assert findings[0].query.name == "b" and findings[0].parents == ("a",)
    assert [box.score for box in findings[0].boxes] == [0.9, 0.5]  # below 0.3 only the best one is shown


def test_no_sentences_no_report(writer):
    assert writer.compose([], []) == ((), "")
