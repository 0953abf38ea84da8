"""AUROC and average precision of one score, and of the classes that are asked of the same examples.

Ranked once and weighted often, so that one implementation gives the figure and its bootstrap (scikit-learn would have to
be called once per region, label and draw); the tests compare it with scikit-learn's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from chex.metrics.bootstrap import as_weights
from chex.metrics.ranked_scores import RankedScores, owners, rank_scores

Statistic = Callable[[RankedScores, np.ndarray], np.ndarray]  # weights (N, D), transposed → (D,)
Undefined = Literal["exclude", "zero"]  # what a class without a positive or without a negative counts in a mean


def auroc(scores: np.ndarray, targets: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """(D,): the area under the ROC curve of scores (N,) for targets (N,) ∈ {0, 1}; ties count half.

    0 … 1, 0.5 without skill, more is better; no threshold.
    weights (D, N): one figure per row; NaN where a row leaves no positive or no negative.
    """
    return rank_scores(scores, targets).auroc(_by_sample(weights, len(np.asarray(scores))))


def average_precision(scores: np.ndarray, targets: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """(D,): the area under the precision-recall curve as the sum of its steps, of equal scores in one step.

    0 … 1, the share of positives without skill, more is better; no threshold. Arguments: `auroc`; NaN where a row leaves
    no positive. (Detection has its own: `chex.metrics.detection`.)
    """
    return rank_scores(scores, targets).average_precision(_by_sample(weights, len(np.asarray(scores))))


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """AUROCs, or average precisions, of D weightings; a class without a positive or without a negative is NaN and in no mean."""

    per_class: dict[str, np.ndarray]  # (D,) each
    positives: dict[str, np.ndarray]  # (D,) each

    @property
    def macro(self) -> np.ndarray:
        """(D,): every class counts the same."""
        return self.mean()

    @property
    def weighted(self) -> np.ndarray:
        """(D,): every class counts by its positives."""
        return _mean(self.per_class, self.positives)

    def mean(self, undefined: Undefined = "exclude") -> np.ndarray:
        """(D,): the mean over classes; one without a figure is left out, or counts "zero" as the authors' does."""
        values = {name: as_figures(value, undefined) for name, value in self.per_class.items()}
        return _mean(values, {name: np.ones_like(value) for name, value in values.items()})


def as_figures(values: np.ndarray, undefined: Undefined) -> np.ndarray:
    """Figures whose NaN stay what they are (and are left out of means), or become 0."""
    if undefined not in ("exclude", "zero"):
        raise ValueError(f"what is undefined is one of exclude, zero; found {undefined!r}")
    return np.nan_to_num(values) if undefined == "zero" else values


@dataclass(frozen=True, slots=True)
class RankedClasses:
    """The scores of several classes, ranked once; any weighting of the samples can then be scored."""

    classes: tuple[str, ...]
    samples: int
    by_class: tuple[RankedScores, ...]

    def aurocs(self, weights: np.ndarray | None = None) -> ClassFigures:
        """Under sample weights (D, N)."""
        return self._figures(RankedScores.auroc, weights)

    def average_precisions(self, weights: np.ndarray | None = None) -> ClassFigures:
        """The same; as with AUROCs, a class without a negative has none, for every ranking of it would be perfect."""
        return self._figures(_informative(RankedScores.average_precision), weights)

    def shares(self, weights: np.ndarray | None = None) -> ClassFigures:
        """The shares of positives: average precisions without skill."""
        return self._figures(_informative(RankedScores.share), weights)

    def _figures(self, figure: Statistic, weights: np.ndarray | None) -> ClassFigures:
        by_sample = _by_sample(weights, self.samples)
        ranked = dict(zip(self.classes, self.by_class, strict=True))
        return ClassFigures(
            {name: figure(scores, by_sample) for name, scores in ranked.items()},
            {name: scores.positives(by_sample) for name, scores in ranked.items()},
        )


def _informative(figure: Statistic) -> Statistic:
    """NaN where there is no positive or no negative."""

    def informative(scores: RankedScores, by_sample: np.ndarray) -> np.ndarray:
        share = scores.share(by_sample)
        return np.where((share > 0) & (share < 1), figure(scores, by_sample), np.nan)

    return informative


def rank_classes(
    scores: np.ndarray,
    targets: np.ndarray,
    classes: Sequence[str],
    sample: np.ndarray | None = None,
    samples: int | None = None,
) -> RankedClasses:
    """scores and targets (K, C); a target other than 0 or 1 (unknown, uncertain) is left out.

    sample (K,): to which of N `samples` each row belongs, where weights are on samples and one may have several rows.
    """
    scores, targets = np.asarray(scores, dtype=np.float64), np.asarray(targets)
    if scores.shape != targets.shape or scores.ndim != 2 or scores.shape[1] != len(classes):
        raise ValueError(
            f"scores and targets must be (N, {len(classes)}), one column per class; "
            f"found {scores.shape} and {targets.shape}"
        )
    if not len(classes):
        raise ValueError("at least one class expected; found none")
    sample, samples = owners(len(scores), sample, samples)
    ranked = []
    for column in range(len(classes)):
        known = np.isin(targets[:, column], (0, 1))
        ranked.append(rank_scores(scores[known, column], targets[known, column], sample[known], samples))
    return RankedClasses(tuple(classes), samples, tuple(ranked))


def class_aurocs(
    scores: np.ndarray, targets: np.ndarray, classes: Sequence[str], weights: np.ndarray | None = None
) -> ClassFigures:
    """AUROC per class under weights (D, N), once; `rank_classes` where there will be more weightings."""
    return rank_classes(scores, targets, classes).aurocs(weights)


def _by_sample(weights: np.ndarray | None, samples: int) -> np.ndarray:
    """(N, D), the draws of a sample side by side in memory."""
    return np.ascontiguousarray(as_weights(weights, samples).T)


def _mean(figures: dict, counts: dict) -> np.ndarray:
    """(D,): the mean of the defined figures under their counts."""
    values, weights = np.stack(list(figures.values())), np.stack([counts[name] for name in figures])
    defined = ~np.isnan(values)
    total = (weights * defined).sum(axis=0)
    summed = (np.where(defined, values, 0) * weights).sum(axis=0)
    return np.divide(summed, total, out=np.full(values.shape[1], np.nan), where=total > 0)
