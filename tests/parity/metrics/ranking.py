"""Whether the true labels of an example are ranked above the others; only the authors ask that."""

from __future__ import annotations

import numpy as np

from chex.metrics.bootstrap import weighted_mean


def label_ranking_precision(scores: np.ndarray, targets: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """(D,): label ranking average precision of scores (N, L) for targets (N, L) ∈ {0, 1}; 0 … 1, more is better.

    Per true label the share of true ones among the labels scored at least as high, averaged over the example's true
    labels and over examples; an example with no or only true labels counts 1, as no ranking of it can be wrong.
    """
    scores, targets = np.asarray(scores, dtype=np.float64), np.asarray(targets)
    if scores.ndim != 2 or scores.shape != targets.shape:
        raise ValueError(f"scores and targets must both be (N, L); found {scores.shape} and {targets.shape}")
    true = targets == 1
    above = scores[:, None, :] >= scores[:, :, None]  # (N, L, L): label k is scored at least as high as label l
    share = (above & true[:, None, :]).sum(axis=2) / above.sum(axis=2)
    count = true.sum(axis=1)
    per_example = np.divide((share * true).sum(axis=1), count, out=np.ones(len(true)), where=count > 0)
    return weighted_mean(per_example, weights)
