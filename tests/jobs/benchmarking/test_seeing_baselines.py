"""Baselines that look at the image: maps and retrieval on patches made by hand, the detector without text in one step."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
import pytest
import torch

from chex import vocabulary
from chex.model_config import tiny
from chex.pixels import decode_stored
from chex.records import Query
from jobs.benchmarking.baselines.retrieval import RetrievalSession, _Draw
from jobs.benchmarking.baselines.retrieval import learn as learn_texts
from jobs.benchmarking.baselines.similarity_maps import SimilaritySession, tune
from jobs.benchmarking.baselines.supervised_detector import ClassSession, SupervisedDetector
from jobs.benchmarking.similarity import boxes_of_map, pooled, similarity_map
from jobs.benchmarking.supervised.model import ClassClassifier, ClassDetector
from jobs.benchmarking.supervised.stage import ClassStage
from jobs.train import configuration
from tests.pipelines.small_shards import made_up_sample

SAMPLES = [made_up_sample("words", "train", number) for number in range(4)]
EFFUSION = vocabulary.load().finding_of("vindr/Pleural effusion")


def images():
    return [decode_stored(sample.image) for sample in SAMPLES]


def test_a_box_lies_around_the_patches_that_are_like_the_text():
    patches = torch.tensor([[0.0, 1.0]]).repeat(64, 1)
    grid = patches.view(8, 8, 2)
    grid[1:4, 2:4] = torch.tensor([1.0, 0.0])  # rows 1-3, columns 2-3: the text itself
    grid[6, 6] = torch.tensor([1.0, 1.0])  # half like it
    similar = similarity_map(patches, torch.tensor([2.0, 0.0]), (8, 8))
    assert similar.shape == (64, 64) and similar.max() == pytest.approx(1.0) and similar.min() == pytest.approx(0.0)
    [(box, score), (other, less)] = boxes_of_map(similar, 0.5)
    assert box == pytest.approx((2 / 8, 1 / 8, 4 / 8, 4 / 8), abs=1 / 32) and score == pytest.approx(1.0)
    assert other == pytest.approx((6 / 8, 6 / 8, 7 / 8, 7 / 8), abs=1 / 16) and less < score
    assert len(boxes_of_map(similar, 0.9)) == 1
    assert pooled(patches, (2 / 8, 1 / 8, 4 / 8, 4 / 8), (8, 8))[0] > pooled(patches, (0.5, 0.5, 1, 1), (8, 8))[0]


def test_an_even_map_gives_the_whole_image():
    assert boxes_of_map(np.zeros((4, 4), np.float32), 0.6) == [((0.0, 0.0, 1.0, 1.0), 0.5)]


def test_similarity_maps_answer_texts_and_boxes(tiny_model):
    learned = tune(tiny_model, SAMPLES[:2])
    assert set(learned["thresholds"]) == {"finding", "region", "sentence"} and learned["asked"]["region"] == 2
    session = SimilaritySession(tiny_model, learned["thresholds"])
    asked = [Query(text=EFFUSION.box_prompt, name=EFFUSION.id), Query(box=(0.0, 0.0, 0.5, 1.0))]
    answers = session.reader.detect(session.encode(images()), [asked] * 4, ("cig/atelectasis",))
    for by_text, by_box in answers:
        assert [name for name, _ in by_text.probabilities] == [EFFUSION.id, "cig/atelectasis"]
        assert by_text.boxes == by_text.candidates and by_text.boxes[0].score >= by_text.boxes[-1].score
        assert all(0 <= value <= 1 for _, value in by_box.probabilities) and by_box.boxes[0].box == asked[1].box


def test_what_is_retrieved_is_what_is_nearest(tiny_model):
    learned = learn_texts(SAMPLES)
    assert learned["sentences"] == ["Opacity in the right lung.", "The right side is bright.",
                                    "Opacity in the left lung.", "The left side is bright."]  # fmt: skip
    session = RetrievalSession(tiny_model, learned)
    features = session.encode(images()[:1])
    said = tiny_model.text_features(learned["sentences"])
    # the left half says the last sentence, and the right one, louder, the first
    patches = said[3].repeat(8, 8, 1)
    patches[:, 4:] = 3 * said[0]
    features = [replace(features[0], patches=patches.view(64, -1))]
    [answers] = session.reader.detect(features, [[Query(box=(0.0, 0.3, 0.2, 0.7)), Query(box=(0.8, 0.3, 1.0, 0.7))]])
    assert session.writer.describe([answers]) == [["The left side is bright.", "Opacity in the right lung."]]
    chosen = session.reports.select(answers[:1])
    [number] = session.writer.describe([chosen])
    findings, text = session.reports.compose(chosen, number)
    assert [finding.sentence for finding in findings] == ["Opacity in the right lung."] == [text]


def test_a_draw_has_a_bound_and_nothing_twice():
    draw = _Draw(5)
    for text in [str(number % 50) for number in range(400)]:
        draw.add(text)
    assert len(draw.kept) == len(set(draw.kept)) == 5


@pytest.fixture(scope="module")
def class_detector():
    config = configuration("tiny", "detector", overrides=["objective.most_hinted_findings=4"], workers=0)
    stage = ClassStage("detector")
    return stage, *stage.build(config, "tiny", None, "", vocabulary.load())


def test_the_detector_without_text_learns_boxes_and_classes(class_detector):
    stage, model, objective = class_detector
    pixels = np.stack([np.zeros((128, 128), np.uint8)] * 4)
    batch = {"images": pixels, "samples": SAMPLES}
    parts = objective(model, batch, torch.Generator().manual_seed(0))
    assert {"pathology_boxes", "pathology_scores", "anatomy_boxes", "region_probabilities"} < set(parts)
    assert not {"sentence_contrast", "image_report", "hinted_boxes", "hinted_probabilities"} & set(parts)
    parts["loss"].backward()
    for part in stage.trained:
        assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in getattr(model, part).parameters()), part
    [groups] = [[group["part"] for group in objective.trainable(model)]]
    assert groups == ["image_encoder", "detector", "classes"]


def test_a_text_is_the_query_of_its_class(class_detector):
    model = class_detector[1]
    with torch.no_grad():
        one, same, other, none = model.text_features(
            [EFFUSION.box_prompt, "Small right pleural effusion", "right lung", "see the comparison"]
        )
    assert torch.equal(one, same) and not torch.equal(one, other) and not torch.equal(one, none)
    assert model.text_features([]).shape == (0, tiny().image_encoder.embedding)


def test_a_saved_detector_answers_as_before(class_detector, tmp_path):
    model = class_detector[1].eval()
    model.save(tmp_path)
    asked = [Query(text=EFFUSION.box_prompt, name=EFFUSION.id), Query(box=(0.1, 0.1, 0.6, 0.6))]
    answers = []
    for session in (ClassSession(model), SupervisedDetector(str(tmp_path))("cpu")):
        features = session.encode(images()[:1])
        answers.append(session.reader.detect(features, [asked], ("cig/atelectasis",))[0])
    for before, after in zip(*answers, strict=True):
        assert before.probabilities == after.probabilities and before.boxes == after.boxes
    by_text, by_box = answers[0]
    assert len(by_text.candidates) == tiny().detector.boxes_per_prompt and by_box.boxes[0].box == asked[1].box
    digest = hashlib.sha256((tmp_path / "model.safetensors").read_bytes()).hexdigest()
    told = SupervisedDetector(str(tmp_path))("cpu").reader.model.provenance
    assert told["weights_sha256"] == digest and told["training"]["preset"] == "tiny"


def test_classes_are_told_by_learned_vectors(class_detector):
    model = class_detector[1]
    finding = "vindr/Pleural effusion"
    place = model.classes.classified[EFFUSION.id]
    tokens = torch.stack([model.classes.present[place], model.classes.absent[place]]).detach()
    with torch.no_grad():
        present, absent = ClassClassifier(model).probabilities(tokens, [finding])[:, 0].tolist()
    assert present > 0.9 and absent < 0.1


def test_only_a_class_detector_is_read(tmp_path):
    with pytest.raises(OSError):
        ClassDetector.load(tmp_path)
