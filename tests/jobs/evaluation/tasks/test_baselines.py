"""Baselines that never look at the image, computed by hand on made-up patients."""

from __future__ import annotations

import numpy as np
import pytest

from chex.metrics.detection import paired_iou
from chex.records import Annotations, PathologyBox
from jobs.evaluation.common_texts import KEPT, CommonTexts
from jobs.evaluation.finding_boxes import WHOLE_IMAGE, FindingBoxes
from jobs.evaluation.task import SpreadOf
from jobs.evaluation.tasks import create
from jobs.evaluation.text_sample import MOST, TextSample
from tests.jobs.evaluation.tasks.truth import Guessing, figures_of, learned, rows_of

LEFT, RIGHT = (0.0, 0.2, 0.4, 0.6), (0.6, 0.2, 1.0, 0.8)


def boxes(*found: tuple[str, tuple]) -> FindingBoxes:
    training = FindingBoxes()
    for label, box in found:
        training.learn(Annotations(pathology_boxes=(PathologyBox(label, box),)))
    return training


def test_mean_boxes_of_both_halves_and_of_all():
    training = boxes(
        ("vindr/Pleural effusion", LEFT), ("vindr/Pleural effusion", LEFT), ("vindr/Pleural effusion", RIGHT)
    )
    assert [(s.box, s.score) for s in training.halves("vindr/Pleural effusion")] == [
        (LEFT, pytest.approx(2 / 3)), (RIGHT, pytest.approx(1 / 3)),
    ]  # fmt: skip
    [mean] = training.mean("vindr/Pleural effusion")
    assert mean.box == pytest.approx(tuple(np.mean([LEFT, LEFT, RIGHT], axis=0)))
    again = FindingBoxes()
    again.recall(training.notes())
    assert again.halves("vindr/Pleural effusion") == training.halves("vindr/Pleural effusion")


def test_a_label_without_boxes_borrows_those_of_the_same_finding():
    training = boxes(("vindr/Pleural effusion", LEFT), ("vindr/Cardiomegaly", RIGHT))
    assert [scored.box for scored in training.mean("ms-cxr/Pleural Effusion")] == [LEFT]
    assert training.mean("ms-cxr/Pneumothorax") == training.halves("nih/Mass") == []


@pytest.mark.parametrize(
    ("phrase", "expected"),
    [("Small right effusion", LEFT), ("effusion on the left.", RIGHT), ("Right and left effusions", (0.3, 0.2, 0.7, 0.7)),
     ("effusion", (0.3, 0.2, 0.7, 0.7)), ("Right-sided effusion", LEFT), ("effusion (left)", RIGHT)],
)  # fmt: skip
def test_a_phrase_that_names_a_side_is_looked_for_there(phrase, expected):
    training = boxes(("vindr/Pleural effusion", LEFT), ("vindr/Pleural effusion", RIGHT))
    [found] = training.on_side("ms-cxr/Pleural Effusion", phrase)
    assert found.box == pytest.approx(expected)
    assert FindingBoxes().on_side(None, phrase)[0].box == WHOLE_IMAGE


def test_grounding_by_the_mean_box_on_the_named_side():
    figure = figures_of("sentence-grounding", Guessing())["grounding_miou"]
    name = "mean training box of the phrase's finding, on the side that it names"
    task = learned("sentence-grounding")
    rows = rows_of(task, Guessing())
    means = [task._training.on_side(*pair)[0].box for row in rows for pair in zip(row["labels"], row["phrases"])]
    targets = [tuple(true[0]) for row in rows for true in row["targets"]]
    area = np.prod(np.array(targets)[:, 2:] - np.array(targets)[:, :2], axis=1)
    mean_area = np.prod(np.array(means)[:, 2:] - np.array(means)[:, :2], axis=1)
    iou = paired_iou(means, targets)
    shared = iou * (area + mean_area) / (1 + iou)
    assert figure.baselines[name] == pytest.approx(shared.sum() / (area + mean_area - shared).sum())
    assert figure.baselines["the whole image"] == pytest.approx(area.sum() / len(area))


def test_the_commonest_sentence_of_a_region():
    """Of a lung with a sentence, one of two has an effusion on that side and the other is clear."""
    figure = figures_of("region-explanation-cig", Guessing())["explanation_cig_micro_f1"]
    assert figure.baselines["the commonest training sentence of the region"] == pytest.approx(
        (3 + 3 + 3) / (3 * (2 + 2 + 1))
    )
    finding = figure.baselines["the commonest training sentence of the region that states a finding"]
    assert finding == pytest.approx((3 + 3 + 3) / (3 * (2 + 2 + 1)))


def test_a_box_is_explained_by_the_region_that_it_overlaps_most():
    task = create("region-explanation-mscxr")
    assert task.nearest_region((0.1, 0.5, 0.45, 0.8)) == ""
    task = learned("region-explanation-mscxr")
    assert task.nearest_region((0.1, 0.5, 0.45, 0.8)) == "right lung"
    assert task.nearest_region((0.35, 0.5, 0.7, 0.9)) == "cardiac silhouette"


def test_common_texts_are_counted_within_bounds(monkeypatch):
    monkeypatch.setattr("jobs.evaluation.common_texts.MOST_COUNTED", 10)
    texts = CommonTexts()
    for number in range(200):
        texts.add("a", [f"rare {number}"])
        texts.add("a", ["b.", "c."])
    texts.add("a", ["a."])
    assert texts.commonest("a")[0] == ("b.", "c.") and len(texts.commonest("a")) <= KEPT
    again = CommonTexts()
    again.recall(texts.notes())
    assert again.commonest("a") == texts.commonest("a") and again.commonest("other") == []


def test_sampled_texts_do_not_depend_on_their_order():
    names = [f"made-up/{number}" for number in range(3 * MOST)]
    first, second = TextSample(), TextSample()
    for name in names:
        first.add(name, [name])
    for name in reversed(names):
        second.add(name, [name])
    assert first.texts == second.texts and len(set(first.texts)) == MOST
    again = TextSample()
    again.recall(first.notes())
    assert again.texts == first.texts


def test_without_training_data_there_still_are_figures():
    for name in ("sentence-grounding", "detection-vindr", "region-explanation-mscxr", "report-generation"):
        task = create(name)
        for figure in task.figures(rows_of(task, Guessing()), SpreadOf()).values():
            assert figure.baselines
