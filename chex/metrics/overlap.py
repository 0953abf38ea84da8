"""How far predicted areas cover the right ones: IoU of regions with one box each, and of sets of boxes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from chex.metrics.bootstrap import as_weights, weighted_mean
from chex.records import Box, ScoredBox


@dataclass(frozen=True, slots=True)
class Overlaps:
    """Areas of intersection and union, (N, R): R regions of N images; 0 and 0 where there is nothing to compare.

    Every figure is 0 … 1, more is better, of weights (D, N) on images.
    """

    intersection: np.ndarray
    union: np.ndarray

    def micro(self, weights: np.ndarray | None = None) -> np.ndarray:
        """(D,): all intersections over all unions, so that large areas count more; NaN where there is none."""
        weights = as_weights(weights, len(self.union))
        return _quotient(weights @ self.intersection.sum(axis=1), weights @ self.union.sum(axis=1))

    def per_region(self, weights: np.ndarray | None = None) -> np.ndarray:
        """(D, R): micro IoU of every region."""
        weights = as_weights(weights, len(self.union))
        return _quotient(weights @ self.intersection, weights @ self.union)

    def macro(self, weights: np.ndarray | None = None) -> np.ndarray:
        """(D,): the mean of the regions' micro IoU; regions that never occur are left out."""
        values = self.per_region(weights)
        defined = ~np.isnan(values)
        return _quotient(np.where(defined, values, 0).sum(axis=1), defined.sum(axis=1))

    def per_image(self, weights: np.ndarray | None = None) -> np.ndarray:
        """(D,): the mean of the images' micro IoU; images without any area are left out."""
        counted = self.union.sum(axis=1) > 0
        values = _quotient(self.intersection.sum(axis=1), self.union.sum(axis=1))
        return weighted_mean(values[counted], as_weights(weights, len(self.union))[:, counted])


def region_overlaps(
    boxes_xyxy: np.ndarray, targets_xyxy: np.ndarray, present: np.ndarray, absent_boxes: str = "ignore"
) -> Overlaps:
    """One predicted and one right box (N, R, 4) per image and region, where the region is `present` (N, R) bool.

    The tasks take the mean of the boxes' own IoU (`paired_iou`); this is the authors' way, which counts areas together.

    The predicted box of a region that is not there says nothing about localization: "ignore" leaves it out, "count"
    adds its area to the union (which is what the authors' implementation does).
    """
    boxes, targets = (np.asarray(side, dtype=np.float64) for side in (boxes_xyxy, targets_xyxy))
    present = np.asarray(present, dtype=bool)
    if boxes.shape != targets.shape or boxes.shape != (*present.shape, 4) or present.ndim != 2:
        raise ValueError(
            f"boxes and targets must be (N, R, 4), present (N, R); found {boxes.shape}, {targets.shape}, {present.shape}"
        )
    if absent_boxes not in ("ignore", "count"):
        raise ValueError(f'absent_boxes is "ignore" or "count"; found {absent_boxes!r}')
    sides = np.minimum(boxes[..., 2:], targets[..., 2:]) - np.maximum(boxes[..., :2], targets[..., :2])
    shared = np.where(present, sides.clip(0).prod(axis=-1), 0)
    predicted, right = _areas(boxes), np.where(present, _areas(targets), 0)
    if absent_boxes == "ignore":
        predicted = np.where(present, predicted, 0)
    return Overlaps(shared, predicted + right - shared)


def covered_areas(
    predictions: Sequence[Sequence[ScoredBox]], targets: Sequence[Sequence[Box]], least_score: float = 0.0
) -> Overlaps:
    """Grounding of N sentences: the area that boxes of at least `least_score` cover together, against the targets'.

    Exact areas, of boxes (x_min, y_min, x_max, y_max); overlapping boxes count once. Gives (N, 1).
    """
    if len(predictions) != len(targets):
        raise ValueError(f"one prediction per sentence expected; found {len(predictions)} for {len(targets)}")
    areas = [
        _areas_of_sets([found.box for found in said if found.score >= least_score], right)
        for said, right in zip(predictions, targets, strict=True)
    ]
    shared, covered, right = np.asarray(areas, dtype=np.float64).reshape(-1, 3).T
    return Overlaps(shared[:, None], (covered + right - shared)[:, None])


def covered_share(boxes: Sequence[Box], by: Sequence[Box]) -> float:
    """The share of the area of some boxes that others cover together, 0 … 1; 0 where there is no area."""
    shared, area, _ = _areas_of_sets(boxes, by)
    return shared / area if area else 0.0


def _areas_of_sets(boxes: Sequence[Box], targets: Sequence[Box]) -> tuple[float, float, float]:
    """Area of both together, of the boxes, of the targets: on the grid that all edges draw, every cell is wholly inside
    or outside of every box."""
    sides = [np.asarray(side, dtype=np.float64).reshape(-1, 4) for side in (boxes, targets)]
    edges = np.concatenate(sides)
    x, y = np.unique(edges[:, 0::2]), np.unique(edges[:, 1::2])
    if len(x) < 2 or len(y) < 2:
        return 0.0, 0.0, 0.0
    covered = [_cells(side, x, y) for side in sides]
    cells = np.diff(y)[:, None] * np.diff(x)
    return tuple(float(cells[inside].sum()) for inside in (covered[0] & covered[1], *covered))


def _cells(boxes: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    inside = np.zeros((len(y) - 1, len(x) - 1), dtype=bool)
    for x_min, y_min, x_max, y_max in boxes:
        inside |= ((y[:-1] >= y_min) & (y[1:] <= y_max))[:, None] & ((x[:-1] >= x_min) & (x[1:] <= x_max))
    return inside


def _areas(boxes: np.ndarray) -> np.ndarray:
    return (boxes[..., 2:] - boxes[..., :2]).clip(0).prod(axis=-1)


def _quotient(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    above, below = np.asarray(above, dtype=np.float64), np.asarray(below, dtype=np.float64)
    return np.divide(above, below, out=np.full(above.shape, np.nan), where=below > 0)
