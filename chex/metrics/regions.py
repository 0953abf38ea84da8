"""Classes of regions, judged within each region, so that knowing where findings tend to be earns nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from chex.metrics.bootstrap import as_weights
from chex.metrics.classification import RankedClasses, Undefined, as_figures, rank_classes
from chex.metrics.ranked_scores import owners


@dataclass(frozen=True, slots=True)
class RegionFigures:
    """A figure per (region, label) under D weightings; NaN where it is undefined, which then is in no mean.

    0 … 1, more is better; an AUROC without skill is 0.5.
    """

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


@dataclass(frozen=True, slots=True)
class RankedRegions:
    """The scores of every (region, label), ranked once; any weighting of the samples can then be scored."""

    labels: tuple[str, ...]
    by_region: dict[str, RankedClasses]
    samples: int

    def aurocs(self, weights: np.ndarray | None = None, undefined: Undefined = "exclude") -> RegionFigures:
        """Under sample weights (D, N). A pair without a positive or without a negative is `undefined`: left out, or 0 as
        in the authors' evaluation."""
        weights = as_weights(weights, self.samples)
        shape = (len(weights), len(self.by_region), len(self.labels))
        values, positives = np.full(shape, np.nan), np.zeros(shape)
        for place, ranked in enumerate(self.by_region.values()):
            found = ranked.aurocs(weights)
            values[:, place] = as_figures(np.stack(list(found.per_class.values()), axis=1), undefined)
            positives[:, place] = np.stack(list(found.positives.values()), axis=1)
        return RegionFigures(tuple(self.by_region), self.labels, values, positives)


def rank_regions(
    scores: np.ndarray,
    targets: np.ndarray,
    regions: np.ndarray,
    labels: Sequence[str],
    sample: np.ndarray | None = None,
    samples: int | None = None,
) -> RankedRegions:
    """scores and targets (K, L), targets other than 0 and 1 unknown; regions (K,) names, one per row.

    sample (K,): to which of N `samples` each row belongs, where weights are on samples with several regions each.
    """
    scores, targets, regions = np.asarray(scores), np.asarray(targets), np.asarray(regions)
    if regions.shape != (len(scores),):
        raise ValueError(f"one region name per row expected, ({len(scores)},); found {regions.shape}")
    sample, samples = owners(len(scores), sample, samples)
    ranked = {}
    for name in sorted(set(regions.tolist())):
        rows = np.flatnonzero(regions == name)
        ranked[name] = rank_classes(scores[rows], targets[rows], labels, sample[rows], samples)
    return RankedRegions(tuple(labels), ranked, samples)


def region_aurocs(
    scores: np.ndarray,
    targets: np.ndarray,
    regions: np.ndarray,
    labels: Sequence[str],
    weights: np.ndarray | None = None,
    undefined: Undefined = "exclude",
) -> RegionFigures:
    """The AUROC of every (region, label) over that region's rows, once; arguments: `rank_regions`, weights (D, K)."""
    return rank_regions(scores, targets, regions, labels).aurocs(weights, undefined)


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


def _quotient(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    return np.divide(above, below, out=np.full(np.shape(above), np.nan), where=below > 0)
