"""Examples that have exactly one of C classes: how often the best-scored class is the right one; only the authors ask that."""

from __future__ import annotations

import numpy as np

from chex.metrics.bootstrap import as_weights


def confusion(scores: np.ndarray, targets: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """(D, C, C): examples by right class (rows) and best-scored class; scores (N, C), targets (N,) class numbers."""
    scores, targets = np.asarray(scores, dtype=np.float64), np.asarray(targets)
    if scores.ndim != 2 or targets.shape != (len(scores),):
        raise ValueError(f"scores must be (N, C), targets (N,); found {scores.shape} and {targets.shape}")
    classes = scores.shape[1]
    if not np.isin(targets, np.arange(classes)).all():
        raise ValueError(f"targets must be class numbers below {classes}; found {np.unique(targets).tolist()}")
    pair = targets * classes + scores.argmax(axis=1)
    return (as_weights(weights, len(scores)) @ np.eye(classes * classes)[pair]).reshape(-1, classes, classes)


def class_recalls(counts: np.ndarray) -> np.ndarray:
    """(D, C): the share of each class's examples that are recognised, of a `confusion`; NaN for a class without any."""
    truths = counts.sum(axis=2)
    right = np.diagonal(counts, axis1=1, axis2=2)
    return np.divide(right, truths, out=np.full(truths.shape, np.nan), where=truths > 0)


def matthews_correlation(counts: np.ndarray) -> np.ndarray:
    """(D,): Gorodkin's correlation of right and best-scored classes, −1 … 1; 0 where one of them never varies."""
    total = counts.sum(axis=(1, 2))
    right = np.trace(counts, axis1=1, axis2=2)
    truths, said = counts.sum(axis=2), counts.sum(axis=1)  # (D, C)
    above = right * total - (truths * said).sum(axis=1)
    spread = (total**2 - (truths**2).sum(axis=1)) * (total**2 - (said**2).sum(axis=1))
    return np.divide(above, np.sqrt(spread.clip(0)), out=np.zeros(len(counts)), where=spread > 0)
