"""Baselines that never look: what they learn from a handful of samples is what one counts by hand."""

from __future__ import annotations

import dataclasses
import json

import pytest

from chex.records import Annotations, PathologyBox, PathologyLabel, Query, Region
from chex.vocabulary import load
from jobs.benchmarking.baselines import commonest, mean_box
from tests.pipelines.small_shards import made_up_sample

HEART, LEFT, RIGHT = (0.4, 0.5, 0.8, 0.8), (0.6, 0.6, 0.9, 0.8), (0.1, 0.6, 0.4, 0.8)
EFFUSION = load().finding_of("vindr/Pleural effusion")


def sample(**said):
    return dataclasses.replace(made_up_sample("words", "train", 0), annotations=Annotations(**said))


def effusion(*boxes):
    return sample(
        pathology_boxes=tuple(PathologyBox("vindr/Pleural effusion", box) for box in boxes),
        pathology_labels=(PathologyLabel("vindr/Pleural effusion", int(bool(boxes))),),
    )


def heart(text, labelled=True, *labels):
    return sample(sentences=(text,), anatomy=(Region("cardiac silhouette", HEART, (text,), labels, labelled),))


TRAIN = [
    effusion(LEFT, RIGHT),
    effusion(LEFT),
    effusion(),
    effusion(),
    heart("The heart is large.", True, "cig/enlarged cardiac silhouette"),
    heart("The heart is normal."),
    heart("The heart is normal."),
    heart("Heart.", False),
]


@pytest.fixture(scope="module")
def means(tmp_path_factory):
    file = tmp_path_factory.mktemp("learned") / "mean.json"
    file.write_text(json.dumps(mean_box.learn(TRAIN)))
    return mean_box.MeanBoxes(str(file))("cpu")


def test_a_class_is_answered_by_the_mean_of_its_boxes(means):
    [[answer]] = means.reader.detect([None], [[Query(text=EFFUSION.box_prompt, name=EFFUSION.id)]], ())
    third = [(2 * a + b) / 3 for a, b in zip(LEFT, RIGHT, strict=True)]
    assert answer.boxes[0].box == pytest.approx(third) and len(answer.boxes) == 1
    halves = {tuple(round(side, 6) for side in found.box): found.score for found in answer.candidates[1:]}
    assert halves == {LEFT: pytest.approx(2 / 3), RIGHT: pytest.approx(1 / 3)}
    assert answer.probabilities == ((EFFUSION.id, 0.5),)


def test_a_sentence_is_answered_by_its_finding_on_its_side(means):
    asked = [Query(text="Small right pleural effusion"), Query(text="Left pleural effusion.")]
    [answers] = means.reader.detect([None], [asked], ())
    assert [answer.boxes[0].box for answer in answers] == [pytest.approx(RIGHT), pytest.approx(LEFT)]


def test_a_region_is_answered_by_its_mean_box_and_anything_else_by_some_box(means):
    asked = [Query(text="heart", name="cardiac silhouette"), Query(text="see the comparison")]
    [answers] = means.reader.detect([None], [asked], ())
    assert answers[0].boxes[0].box == pytest.approx(HEART) and answers[1].boxes


def test_a_box_has_the_probabilities_of_the_region_that_it_is_nearest_to(means):
    label = "cig/enlarged cardiac silhouette"
    [[answer]] = means.reader.detect([None], [[Query(box=(0.4, 0.5, 0.7, 0.8))]], (label, "cig/atelectasis"))
    assert answer.probabilities == ((label, pytest.approx(1 / 3)), ("cig/atelectasis", 0.0))
    assert answer.boxes[0].box == (0.4, 0.5, 0.7, 0.8)


def test_the_commonest_texts(tmp_path):
    file = tmp_path / "texts.json"
    file.write_text(json.dumps(commonest.learn(TRAIN)))
    session = commonest.Commonest(str(file))("cpu")
    [answers] = session.reader.detect([None], [[Query(box=HEART), Query(text="lungs")]])
    assert session.writer.describe([answers]) == [["The heart is normal.", "The heart is normal."]]
    chosen = session.reports.select(answers)
    findings, text = session.reports.compose(chosen, [""] * len(chosen))
    assert text == "The heart is normal." and [finding.sentence for finding in findings] == [text]


def test_without_any_training_text_there_is_nothing_to_say(tmp_path):
    file = tmp_path / "texts.json"
    file.write_text(json.dumps(commonest.learn([])))
    session = commonest.Commonest(str(file))("cpu")
    [answers] = session.reader.detect([None], [[Query(box=HEART)]])
    assert session.writer.describe([answers]) == [[""]]
    assert session.reports.compose(session.reports.select(answers), [""]) == ((), "")
