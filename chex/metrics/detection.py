"""Detection and localization figures: average precision over IoU thresholds, and mean IoU.

Average precision follows COCO: greedy matching by score, the precision envelope read at 101 recalls.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from chex.metrics.bootstrap import as_weights
from chex.metrics.box_matching import ClassMatches, matches_of_classes
from chex.records import Box, ScoredBox

IOU_THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)  # the paper's
_RECALLS = np.linspace(0, 1, 101)


@dataclass(frozen=True, slots=True)
class AveragePrecision:
    """Average precisions in [0, 1]; NaN marks a class without any target."""

    mean: float  # over thresholds and classes
    per_class: dict[str, float]
    per_threshold: dict[float, float]
    targets: dict[str, int]


@dataclass(frozen=True, slots=True)
class MatchedBoxes:
    """Predictions matched to targets once; any weighting of the images can then be scored."""

    classes: tuple[str, ...]
    iou_thresholds: tuple[float, ...]
    images: int
    by_class: tuple[ClassMatches, ...]

    def average_precision(self, weights: np.ndarray | None = None) -> np.ndarray:
        """(D, C, T) for image weights (D, N); NaN for a class without a target."""
        weights = as_weights(weights, self.images)
        return np.stack([_average_precision(matches, weights) for matches in self.by_class], axis=1)

    def mean_average_precision(self, weights: np.ndarray | None = None, absent_classes: str = "exclude") -> np.ndarray:
        """(D,): the mean over thresholds and classes. `absent_classes`: see `mean_average_precision`."""
        return _mean_over_classes(self.average_precision(weights).mean(axis=2), absent_classes)


def match_boxes(
    predictions: Sequence[Mapping[str, Sequence[ScoredBox]]],
    targets: Sequence[Mapping[str, Sequence[Box]]],
    classes: Sequence[str],
    iou_thresholds: Sequence[float] = IOU_THRESHOLDS,
) -> MatchedBoxes:
    """Match per image and class with pycocotools: a prediction, best score first, takes the free target it overlaps most.

    predictions and targets: one mapping class → boxes (x_min, y_min, x_max, y_max, relative) per image.
    """
    if len(predictions) != len(targets):
        raise ValueError(f"one prediction per image expected; found {len(predictions)} for {len(targets)} images")
    if len(set(classes)) != len(classes) or not classes:
        raise ValueError(f"distinct classes expected, at least one; found {list(classes)}")
    unknown = sorted({name for image in (*predictions, *targets) for name in image} - set(classes))
    if unknown:
        raise ValueError(f"boxes of unknown classes {unknown}; the classes are {list(classes)}")
    by_class = matches_of_classes(predictions, targets, classes, iou_thresholds)
    return MatchedBoxes(tuple(classes), tuple(iou_thresholds), len(targets), by_class)


def mean_average_precision(
    predictions: Sequence[Mapping[str, Sequence[ScoredBox]]],
    targets: Sequence[Mapping[str, Sequence[Box]]],
    classes: Sequence[str],
    iou_thresholds: Sequence[float] = IOU_THRESHOLDS,
    absent_classes: str = "exclude",
) -> AveragePrecision:
    """mAP over `iou_thresholds`, per class, per threshold and in the mean; 0 … 1, more is better.

    Macro: every class counts the same. A class without any target has no recall: "exclude" leaves it out of the means as
    COCO does, "zero" counts it as 0 (which is what the authors' implementation does).

    Matching and precision are COCO's and done by pycocotools, so with COCO's thresholds and at most 100 boxes the figure
    is that of pycocotools, and of torchmetrics (`MeanAveragePrecision` calls pycocotools, too; it needs torchvision, and
    takes boxes in pixels). The settings differ:
    IoU 0.1, 0.2 … 0.7 after the paper, for findings have no sharp edges (COCO: 0.5, 0.55 … 0.95).
    101 recalls 0, 0.01 … 1, as COCO; at each the best precision at that recall or beyond.
    All boxes of an image count (COCO: the best 100 of an image and class).
    One range of areas, everything (COCO: also small, medium and large, in pixels); no crowds.
    Equal scores: in the order of images, then of the prediction's boxes, as pycocotools' stable sort has them; a box that
    overlaps two free targets equally takes the later one.
    """
    matches = match_boxes(predictions, targets, classes, iou_thresholds)
    precision = matches.average_precision()[0]  # (C, T)
    return AveragePrecision(
        mean=float(_mean_over_classes(precision.mean(axis=1)[None], absent_classes)[0]),
        per_class={name: float(value) for name, value in zip(classes, precision.mean(axis=1), strict=True)},
        per_threshold={
            threshold: float(_mean_over_classes(precision[None, :, index], absent_classes)[0])
            for index, threshold in enumerate(iou_thresholds)
        },
        targets={name: int(found.targets.sum()) for name, found in zip(classes, matches.by_class, strict=True)},
    )


def paired_iou(boxes_xyxy: Sequence[Box], targets_xyxy: Sequence[Box]) -> np.ndarray:
    """(n,): the IoU of each box (x_min, y_min, x_max, y_max) with its own target, 0 … 1, more is better.

    An inverted box is empty, and an empty one has IoU 0.
    """
    import torch

    from chex.boxes import iou

    if len(boxes_xyxy) != len(targets_xyxy):
        raise ValueError(f"one box per target expected; found {len(boxes_xyxy)} for {len(targets_xyxy)} targets")
    pairs = [np.asarray(side, dtype=np.float64).reshape(-1, 4) for side in (boxes_xyxy, targets_xyxy)]
    return iou(*map(torch.from_numpy, pairs)).numpy()


def _mean_over_classes(per_class: np.ndarray, absent_classes: str) -> np.ndarray:
    """(D, C) → (D,)."""
    if absent_classes not in ("exclude", "zero"):
        raise ValueError(f'absent_classes is "exclude" or "zero"; found {absent_classes!r}')
    present = ~np.isnan(per_class)
    counted = present.sum(axis=1) if absent_classes == "exclude" else np.full(len(per_class), per_class.shape[1])
    total = np.where(present, per_class, 0).sum(axis=1)
    return np.divide(total, counted, out=np.full(len(per_class), np.nan), where=counted > 0)


def _average_precision(matches: ClassMatches, weights: np.ndarray) -> np.ndarray:
    """(D, T) for image weights (D, N).

    Precision is highest right at a match, and recall grows only there, so no other prediction has to be looked at.
    """
    by_image = np.ascontiguousarray(weights.T)  # (N, D)
    positives = matches.targets @ by_image  # (D,)
    said = np.cumsum(matches.counted @ by_image, axis=0)  # (G, D)
    of_match = by_image[matches.image]
    precisions = np.full((len(weights), len(matches.matched)), np.nan)
    for threshold, matched in enumerate(matches.matched):
        true = np.cumsum(of_match * matched[:, None], axis=0)
        precision = np.divide(true, said, out=np.zeros_like(true), where=said > 0)
        envelope = np.maximum.accumulate(precision[::-1], axis=0)[::-1].T  # (D, G)
        envelope = np.pad(envelope, ((0, 0), (0, 1)))  # a recall that is never reached has precision 0
        recall = np.divide(true, positives, out=np.zeros_like(true), where=positives > 0).T
        for draw in np.flatnonzero(positives > 0):
            reached = np.searchsorted(recall[draw], _RECALLS, side="left")
            precisions[draw, threshold] = envelope[draw, reached].mean()
    return precisions
