"""Average precision of pathologies, what it says of whole images, and the boxes' sizes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict

import numpy as np

from chex.metrics.classification import class_aurocs
from chex.metrics.detection import match_boxes
from chex.records import ScoredBox
from tests.parity.cases import Case
from tests.parity.comparison import NotCompared
from tests.parity.metrics.box_rows import corners, of_classes, scored
from tests.parity.metrics.box_statistics import best_scores, box_statistics
from tests.parity.metrics.recorded_figures import BELOW, as_zero, compared, given, named, one_by_one
from tests.parity.registry import Found, check

AT = "AP/AP@"
_OF_IMAGES = "with_classification_obj"  # then the least score of a box that counts
_UNKNOWN_RULE = (
    "what counts as said to be there is not recorded, and no threshold of the boxes' scores gives the number"
)


@check("detection")
def detection(case: Case) -> Found:
    parts = case.extra
    names, thresholds, recorded = parts["class_names"], parts["map_iou_thresholds"], parts["result"]
    predictions, targets = boxes_of(parts)
    perfect = [{name: [ScoredBox(box, 1.0) for box in image[name]] for name in names} for image in targets]

    def precisions(said: list, part: Mapping, averaged: Sequence[float] = thresholds) -> dict:
        return average_precisions(said, targets, names, averaged, named(part, AT))

    ours = precisions(predictions, recorded)
    if [float(threshold) for threshold in named(recorded, AT)] != parts["ap_iou_thresholds"]:
        raise ValueError(f"AP at {parts['ap_iou_thresholds']} expected; found {named(recorded, AT)}")
    found: dict = {
        **given(case, "pred", "target", "class_names", "map_iou_thresholds", "ap_iou_thresholds"),
        **compared("result", ours | _sizes(predictions, names), recorded),
        "extra.per_threshold": BELOW,
    }
    for threshold, part in parts["per_threshold"].items():
        alone = precisions(predictions, part, [float(threshold)])
        found |= one_by_one(f"per_threshold.{threshold}", alone, part)
    for name, said in (("no_predictions", [{} for _ in targets]), ("perfect_predictions", perfect)):
        found |= compared(name, precisions(said, parts[name]), parts[name])
    for name in (name for name in parts if name.startswith(_OF_IMAGES)):
        least = float(name.removeprefix(_OF_IMAGES))
        said = precisions(predictions, parts[name]) | _of_images(predictions, targets, names, least)
        found |= compared(name, said, parts[name])
    return found


def boxes_of(parts: Mapping) -> tuple[list[dict], list[dict]]:
    """Predictions and targets of every image by class."""
    names = parts["class_names"]
    predictions = [{name: scored(rows) for name, rows in of_classes(image, names).items()} for image in parts["pred"]]
    targets = [{name: corners(rows) for name, rows in of_classes(image, names).items()} for image in parts["target"]]
    return predictions, targets


def average_precisions(
    predictions: list,
    targets: list,
    names: Sequence[str],
    averaged: Sequence[float],
    asked: Sequence[str],
    weights: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """(D,) by the recorded names: over the `averaged` thresholds, and at each that is `asked` for."""
    matches = match_boxes(predictions, targets, names, averaged)
    per_class = as_zero(matches.average_precision(weights).mean(axis=2))  # (D, C)
    found = {"AP/mAP": matches.mean_average_precision(weights, absent_classes="zero")}
    found |= {f"AP/classes/mAP_{name}": per_class[:, place] for place, name in enumerate(names)}
    for threshold in asked:
        alone = match_boxes(predictions, targets, names, [float(threshold)])
        found[f"{AT}{threshold}"] = alone.mean_average_precision(weights, absent_classes="zero")
    return found


def _sizes(predictions: list, names: Sequence[str]) -> dict[str, float]:
    everything, per_class = box_statistics(predictions, names)
    found = {f"boxstat/{kind}": value for kind, value in asdict(everything).items()}
    for name, of_class in per_class.items():
        found |= {f"boxstat/classes/{kind}/{name}": value for kind, value in asdict(of_class).items()}
    return found


def _of_images(predictions: list, targets: list, names: Sequence[str], least: float) -> dict:
    """Whether a class is in the image at all, said by its best box."""
    scores = best_scores(predictions, names, least)
    there = np.array([[bool(image[name]) for name in names] for image in targets])
    return {
        "classification/f1": NotCompared(_UNKNOWN_RULE),
        "classification/auroc": class_aurocs(scores, there.astype(int), names).mean("zero"),
    }
