"""AUROC of one score, and of the classes that are asked of the same examples.

Rank-based and weighted, so that one implementation gives the figure and its bootstrap (scikit-learn would have to be
called once per region, label and draw); the tests compare it with scikit-learn's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from chex.metrics.bootstrap import as_weights

Undefined = Literal["exclude", "zero"]  # what a class without a positive or without a negative counts in a mean


def auroc(scores: np.ndarray, targets: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """(D,): the area under the ROC curve of scores (N,) for targets (N,) ∈ {0, 1}; ties count half.

    0 … 1, 0.5 without skill, more is better; no threshold.
    weights (D, N): one figure per row; NaN where a row leaves no positive or no negative.
    """
    scores, targets = np.asarray(scores, dtype=np.float64), np.asarray(targets)
    if scores.ndim != 1 or scores.shape != targets.shape:
        raise ValueError(f"scores and targets must both be (N,); found {scores.shape} and {targets.shape}")
    if np.isnan(scores).any():
        raise ValueError("scores must be numbers; found NaN")
    if not np.isin(targets, (0, 1)).all():
        raise ValueError(f"targets must be 0 or 1; found {np.unique(targets).tolist()}")
    weights = as_weights(weights, len(scores))
    if not len(scores):
        return np.full(len(weights), np.nan)
    order = np.argsort(scores, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(scores[order]) > 0])  # of each group of equal scores
    positive = np.add.reduceat(weights[:, order] * (targets[order] == 1), starts, axis=1)  # (D, groups)
    negative = np.add.reduceat(weights[:, order] * (targets[order] == 0), starts, axis=1)
    below = np.cumsum(negative, axis=1) - negative / 2
    pairs = positive.sum(axis=1) * negative.sum(axis=1)
    return np.divide((positive * below).sum(axis=1), pairs, out=np.full(len(weights), np.nan), where=pairs > 0)


@dataclass(frozen=True, slots=True)
class ClassAurocs:
    """AUROCs of D weightings; a class without a positive or without a negative is NaN and in no mean."""

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
        """(D,): the mean over classes; one without an AUROC is left out, or counts "zero" as the authors' does."""
        values = {name: as_figures(value, undefined) for name, value in self.per_class.items()}
        return _mean(values, {name: np.ones_like(value) for name, value in values.items()})


def as_figures(values: np.ndarray, undefined: Undefined) -> np.ndarray:
    """Figures whose NaN stay what they are (and are left out of means), or become 0."""
    if undefined not in ("exclude", "zero"):
        raise ValueError(f"what is undefined is one of exclude, zero; found {undefined!r}")
    return np.nan_to_num(values) if undefined == "zero" else values


def class_aurocs(
    scores: np.ndarray, targets: np.ndarray, classes: Sequence[str], weights: np.ndarray | None = None
) -> ClassAurocs:
    """AUROC per class: scores and targets (N, C); a target other than 0 or 1 (unknown, uncertain) is left out."""
    scores, targets = np.asarray(scores, dtype=np.float64), np.asarray(targets)
    if scores.shape != targets.shape or scores.ndim != 2 or scores.shape[1] != len(classes):
        raise ValueError(
            f"scores and targets must be (N, {len(classes)}), one column per class; "
            f"found {scores.shape} and {targets.shape}"
        )
    if not len(classes):
        raise ValueError("at least one class expected; found none")
    weights = as_weights(weights, len(scores))
    per_class, positives = {}, {}
    for column, name in enumerate(classes):
        known = np.isin(targets[:, column], (0, 1))
        truth, counted = targets[known, column], weights[:, known]
        per_class[name] = auroc(scores[known, column], truth, counted)
        positives[name] = counted @ (truth == 1)
    return ClassAurocs(per_class, positives)


def _mean(figures: dict, counts: dict) -> np.ndarray:
    """(D,): the mean of the defined figures under their counts."""
    values, weights = np.stack(list(figures.values())), np.stack([counts[name] for name in figures])
    defined = ~np.isnan(values)
    total = (weights * defined).sum(axis=0)
    summed = (np.where(defined, values, 0) * weights).sum(axis=0)
    return np.divide(summed, total, out=np.full(values.shape[1], np.nan), where=total > 0)
