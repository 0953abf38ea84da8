from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest

from chex.pixels import encode_stored
from chex.records import Annotations, PathologyBox, PathologyLabel, Sample, ScoredBox, Study
from jobs.evaluation.predicting import predict_batch
from jobs.evaluation.task import SpreadOf
from jobs.evaluation.tasks import chosen, create

SIZE, SQUARE, BLANK = 100, 10, (0.0, 0.0, 0.1, 0.1)


def sample(number: int, split: str = "test") -> Sample:
    """A bright square on black: the finding. It lies on the right side or the left one."""
    x, y = (15 + number, 40) if number % 2 else (75 - number, 30)
    pixels = np.zeros((SIZE, SIZE), dtype=np.uint8)
    pixels[y : y + SQUARE, x : x + SQUARE] = 200
    box = tuple(side / SIZE for side in (x, y, x + SQUARE, y + SQUARE))
    annotations = Annotations(
        pathology_boxes=(PathologyBox("vindr/Nodule/Mass", box),),
        pathology_labels=(PathologyLabel("vindr/Nodule/Mass", 1), PathologyLabel("vindr/Pneumothorax", number % 2)),
    )
    study = Study("made-up", split, f"p{number}", f"s{number}", f"{split}{number}", "made/up.png")
    return Sample(study, annotations, encode_stored(pixels), SIZE, SIZE, SIZE, SIZE)


SAMPLES = [sample(number) for number in range(8)]


class Seeing:
    """Finds what is bright; it is as probable as it is bright."""

    def __init__(self) -> None:
        self.reader = self

    def encode(self, images):
        return list(images)

    def detect(self, features, queries, labels=()):
        return [[self.answer(image, query) for query in asked] for image, asked in zip(features, queries, strict=True)]

    def answer(self, image, query):
        box, probability = self.look(image)
        return SimpleNamespace(
            query=query, boxes=(ScoredBox(box, probability),), probabilities=((query.name, probability),)
        )

    def look(self, image):
        rows, columns = np.nonzero(image > 100)
        if not len(rows):
            return BLANK, 0.0
        edges = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
        return tuple(float(edge) / SIZE for edge in edges), float(image.max()) / 250


class Constant(Seeing):
    """Says the same of every image."""

    def look(self, image):
        return (0.2, 0.2, 0.6, 0.6), 0.7


class Elsewhere(Seeing):
    """Finds it, but points to a corner."""

    def look(self, image):
        return BLANK, super().look(image)[1]


def answered(name, session):
    task = create(name)
    for number in range(4):
        task.learn(sample(number, "train"))
    rows = [r for start in (0, 5) for r in predict_batch({name: task}, session, SAMPLES[start : start + 5])[name]]
    rows = json.loads(json.dumps(rows))
    again = create(name)
    again.recall(json.loads(json.dumps(task.row_notes())))
    return again, rows


def figures_of(name, session, options=None, draws=0):
    task, rows = answered(name, session)
    figures = task.figures(rows, SpreadOf(draws), options)
    assert set(figures) == set(task.gives)
    assert all(figure.definition and figure.samples == 8 for figure in figures.values())
    return figures


def shown(name, session=None):
    task, rows = answered(name, session or Seeing())
    [drawing] = task.pictures(rows).values()
    return drawing.axes


def test_a_group_names_the_tasks_of_its_folder():
    assert chosen("robustness") == ("calibration", "faithfulness", "image-stability", "prompt-stability")


def test_a_constant_answer_is_as_stable_as_can_be_but_does_not_follow_the_image():
    figures = figures_of("image-stability", Constant(), draws=10)
    assert figures["image_stability_change"].value == figures["image_stability_flips"].value == 0.0
    assert figures["image_stability_change"].spread.std == 0.0
    boxes = figures["image_stability_iou"].classes
    still = [name for name in boxes if not name.startswith("moved")]
    assert len(still) == 7 and [boxes[name] for name in still] == pytest.approx([1.0] * 7)
    # 40 of 100 pixels, moved by two: 38 · 40 shared of 42 · 40 together
    assert boxes["moved up by 2 %"] == pytest.approx(38 / 42)
    assert figures["image_stability_iou"].value == pytest.approx((7 + 4 * 38 / 42) / 11)


def test_who_sees_follows_the_image():
    figures = figures_of("image-stability", Seeing())
    boxes, change = figures["image_stability_iou"].classes, figures["image_stability_change"].classes
    for name in boxes:
        if name.startswith("moved"):
            assert (boxes[name], change[name]) == (pytest.approx(1.0), 0.0)
    # 200 of 250, and a tenth of it less
    assert change["brightness × 0.9"] == pytest.approx(0.08)
    assert figures["image_stability_flips"].value == 0.0
    assert figures["image_stability_iou"].baselines["the answer about another image"] < 0.1


def test_a_label_flips_when_half_is_crossed():
    class Dim(Seeing):
        def look(self, image):
            box, probability = super().look(image)
            return box, probability - 0.25  # 0.55, and at 0.9 of the brightness 0.47

    flips = figures_of("image-stability", Dim())["image_stability_flips"].classes
    assert flips["brightness × 0.9"] == 1.0
    assert flips["brightness × 1.1"] == flips["moved left by 2 %"] == 0.0


def test_synonyms_change_nothing_for_who_does_not_read_them():
    figures = figures_of("prompt-stability", Seeing())
    assert figures["prompt_stability_iou"].value == pytest.approx(1.0)
    assert figures["prompt_stability_change"].value == figures["prompt_stability_flips"].value == 0.0
    assert figures["prompt_stability_iou"].baselines["the answer about another image"] < 0.1


def test_synonyms_change_much_for_who_knows_names_only():
    class Literal(Seeing):
        def answer(self, image, query):
            if query.text == "nodule/mass":
                return SimpleNamespace(query=query, boxes=(ScoredBox(BLANK, 0.1),), probabilities=((query.name, 0.1),))
            return super().answer(image, query)

    figures = figures_of("prompt-stability", Literal())
    changed = {name: value for name, value in figures["prompt_stability_change"].classes.items() if value}
    assert changed == {"nodule/mass (nodule or mass)": pytest.approx(0.7)}
    assert figures["prompt_stability_flips"].classes["nodule/mass (nodule or mass)"] == 1.0
    assert figures["prompt_stability_iou"].classes["nodule/mass (nodule or mass)"] == 0.0


def test_without_the_box_that_matters_the_finding_is_gone():
    figures = figures_of("faithfulness", Seeing(), draws=10)
    for place in ("elsewhere", "mirrored"):
        assert figures[f"faithfulness_share_{place}"].value == 1.0
        assert figures[f"faithfulness_more_{place}"].value > 0.2
        assert "of 8 pairs that differ: p = 0.0078" in figures[f"faithfulness_share_{place}"].definition


def test_a_box_that_does_not_matter_changes_nothing():
    figures = figures_of("faithfulness", Elsewhere())
    assert figures["faithfulness_more_mirrored"].value == 0.0
    assert figures["faithfulness_share_mirrored"].value == 0.5
    assert "nothing changed" in figures["faithfulness_share_mirrored"].definition


def test_a_temperature_of_the_validation_split_calms_who_is_too_sure():
    task = create("calibration")
    labels = [f"vindr/{name}" for name in ("Nodule/Mass", "Pneumothorax")]
    # said with 0.99 or 0.01, and right three times of four
    rows = [
        {
            "sample_id": str(n),
            "labels": labels,
            "values": [int(n % 4 > 0), int(n % 4 == 0)],
            "probabilities": [0.99, 0.01],
        }
        for n in range(40)
    ]
    options = task.tune(rows)
    assert options["tuned_on"] == 40
    assert options["temperature"] == pytest.approx(np.log(99) / np.log(3), rel=1e-3)
    figures = task.figures(rows, SpreadOf(10), options)
    assert figures["calibration_error_before"].value == pytest.approx(0.24)
    assert figures["calibration_error_after"].value == pytest.approx(0.0, abs=1e-3)
    assert figures["calibration_error_after"].baselines["without a temperature"] == pytest.approx(0.24)
    assert figures["calibration_brier_before"].value == pytest.approx((0.99**2 + 3 * 0.01**2) / 4)
    assert figures["calibration_brier_after"].value == pytest.approx(3 / 16, abs=1e-3)


def test_without_a_validation_split_the_temperature_is_one():
    assert create("calibration").tune([]) == {"temperature": 1.0, "tuned_on": 0}
    figures = figures_of("calibration", Seeing())
    assert figures["calibration_error_after"].value == figures["calibration_error_before"].value
    # nodules: said 0.8 and always there; pneumothorax: said 0.8 and there in half of the images
    assert figures["calibration_error_before"].value == pytest.approx(abs(0.8 - 0.75))
    assert figures["calibration_error_before"].baselines["how often the finding is there in training"] == 0.0


def test_pictures_show_what_the_figures_say():
    widths = [bar.get_width() for bar in shown("image-stability")[1].patches]
    assert widths == pytest.approx(
        list(figures_of("image-stability", Seeing())["image_stability_change"].classes.values())
    )
    assert all(bar.get_width() == 0.0 for bar in shown("prompt-stability")[1].patches)
    heights = [bar.get_height() for bar in shown("faithfulness")[0].patches]
    assert heights[0] > 0.2 and heights[2:] == [0.0] * 4  # two groups of three places
    lines = {line.get_label(): line.get_xydata() for line in shown("calibration")[0].lines}
    assert lines["as it is: error 0.050"][7].tolist() == pytest.approx([0.8, 0.75])
