"""How many boxes a model draws and how large they are: no measure of quality, and only the authors ask it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from chex.records import ScoredBox


@dataclass(frozen=True, slots=True)
class BoxStatistics:
    """Boxes per image, and mean, largest and smallest area as a share of the image; NaN without any box."""

    count: float
    area_mean: float
    area_max: float
    area_min: float


def box_statistics(
    predictions: Sequence[Mapping[str, Sequence[ScoredBox]]], classes: Sequence[str]
) -> tuple[BoxStatistics, dict[str, BoxStatistics]]:
    """Of all boxes, and per class. predictions: one mapping class → boxes (x_min, y_min, x_max, y_max) per image."""
    boxes = {name: [found.box for image in predictions for found in image.get(name, ())] for name in classes}
    everything = [box for found in boxes.values() for box in found]
    return _of(everything, len(predictions)), {name: _of(found, len(predictions)) for name, found in boxes.items()}


def best_scores(
    predictions: Sequence[Mapping[str, Sequence[ScoredBox]]], classes: Sequence[str], least_score: float = 0.0
) -> np.ndarray:
    """(N, C): per image and class the score of its best box of at least `least_score`, 0 without one.

    What detection says about whole images: whether a class is there at all.
    """
    return np.array(
        [
            [max((b.score for b in image.get(name, ()) if b.score >= least_score), default=0.0) for name in classes]
            for image in predictions
        ],
        dtype=np.float64,
    ).reshape(len(predictions), len(classes))


def _of(boxes: Sequence, images: int) -> BoxStatistics:
    if not boxes:
        return BoxStatistics(0.0, float("nan"), float("nan"), float("nan"))
    corners = np.asarray(boxes, dtype=np.float64)
    areas = (corners[:, 2:] - corners[:, :2]).clip(0).prod(axis=1)
    return BoxStatistics(len(boxes) / images, float(areas.mean()), float(areas.max()), float(areas.min()))
