"""Classes of regions, judged within each region, so that knowing where findings tend to be earns nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from chex.metrics.bootstrap import as_weights
from chex.metrics.classification import Undefined, as_figures, class_aurocs
from chex.metrics.label_agreement import LabelCounts


@dataclass(frozen=True, slots=True)
class RegionFigures:
    """A figure per (region, label) under D weightings; NaN where it is undefined, which then is in no mean."""

    regions: tuple[str, ...]
    labels: tuple[str, ...]
    values: np.ndarray  # (D, R, L)
    positives: np.ndarray  # (D, R, L)

    @property
    def overall(self) -> np.ndarray:
        """(D,): the mean over all pairs, weighted by their positives."""
        return self._mean((1, 2))

    @property
    def per_label(self) -> np.ndarray:
        """(D, L): each label's mean over regions, weighted by positives."""
        return self._mean(1)

    @property
    def per_region(self) -> np.ndarray:
        """(D, R): each region's mean over labels, weighted by positives."""
        return self._mean(2)

    def macro(self, undefined: Undefined = "exclude") -> np.ndarray:
        """(D,): the mean of `per_label`, every label the same; one without positives is left out or counts "zero"."""
        values = as_figures(self.per_label, undefined)
        defined = ~np.isnan(values)
        return _quotient(np.where(defined, values, 0).sum(axis=1), defined.sum(axis=1))

    def pairs(self) -> dict[tuple[str, str], float]:
        """The defined figures under the first weighting, by (region, label)."""
        return {
            (region, label): float(self.values[0, r, c])
            for r, region in enumerate(self.regions)
            for c, label in enumerate(self.labels)
            if not np.isnan(self.values[0, r, c])
        }

    def _mean(self, axes: int | tuple[int, ...]) -> np.ndarray:
        counted = np.where(np.isnan(self.values), 0, self.positives)
        return _quotient((np.nan_to_num(self.values) * counted).sum(axis=axes), counted.sum(axis=axes))


def region_aurocs(
    scores: np.ndarray,
    targets: np.ndarray,
    regions: np.ndarray,
    labels: Sequence[str],
    weights: np.ndarray | None = None,
    undefined: Undefined = "exclude",
) -> RegionFigures:
    """The AUROC of every (region, label) over that region's rows.

    scores and targets (K, L), targets other than 0 and 1 unknown; regions (K,) names; weights (D, K). A pair without a
    positive or without a negative is `undefined`: left out, or 0 as in the authors' evaluation.
    """

    def figure(rows: np.ndarray, counted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        found = class_aurocs(np.asarray(scores)[rows], np.asarray(targets)[rows], labels, counted)
        values = np.stack([found.per_class[label] for label in labels], axis=1)
        return as_figures(values, undefined), np.stack([found.positives[label] for label in labels], axis=1)

    return _by_region(figure, len(scores), regions, labels, weights)


def region_f1(
    predicted: np.ndarray,
    targets: np.ndarray,
    regions: np.ndarray,
    labels: Sequence[str],
    weights: np.ndarray | None = None,
) -> RegionFigures:
    """The F1 of every (region, label): predicted and targets (K, L) bool, regions (K,) names, weights (D, K)."""
    predicted, targets = np.asarray(predicted, dtype=bool), np.asarray(targets, dtype=bool)

    def figure(rows: np.ndarray, counted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        counts = LabelCounts(tuple(labels), predicted[rows], targets[rows])
        return counts.per_label(counted), counts.positives(counted)

    return _by_region(figure, len(predicted), regions, labels, weights)


def within_region_auroc(
    scores: np.ndarray,
    targets: np.ndarray,
    regions: np.ndarray,
    labels: Sequence[str],
    weights: np.ndarray | None = None,
) -> tuple[np.ndarray, dict[tuple[str, str], float]]:
    """Region classification without the help of where regions tend to be abnormal (arguments: `region_aurocs`).

    The mean over all (region, label) with a positive and a negative, weighted by positives, (D,), and the AUROCs under
    the first weighting. A score that knows only the region's name gets exactly 0.5.
    """
    found = region_aurocs(scores, targets, regions, labels, weights)
    return found.overall, found.pairs()


def _by_region(
    figure: Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]],
    count: int,
    regions: np.ndarray,
    labels: Sequence[str],
    weights: np.ndarray | None,
) -> RegionFigures:
    """`figure` gives values and positives (D, L) of the rows of one region under their weights (D, rows)."""
    regions = np.asarray(regions)
    if regions.shape != (count,):
        raise ValueError(f"one region name per row expected, ({count},); found {regions.shape}")
    weights = as_weights(weights, count)
    names = tuple(sorted(set(regions.tolist())))
    shape = (len(weights), len(names), len(labels))
    values, positives = np.full(shape, np.nan), np.zeros(shape)
    for place, name in enumerate(names):
        rows = np.flatnonzero(regions == name)
        values[:, place], positives[:, place] = figure(rows, weights[:, rows])
    return RegionFigures(names, tuple(labels), values, positives)


def _quotient(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    return np.divide(above, below, out=np.full(np.shape(above), np.nan), where=below > 0)
