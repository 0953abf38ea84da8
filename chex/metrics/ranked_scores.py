"""One score of many examples, sorted once: what AUROC and average precision need, for any weighting of the samples.

Examples are gathered in groups that lie between two positives: rare positives make few groups, and the sums of a group
under all draws are one product with a sparse matrix.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_array


@dataclass(frozen=True, slots=True)
class RankedScores:
    """G groups of examples, from the lowest score to the highest. Weights (N, D) are on N samples, here transposed."""

    positive: csr_array  # (G, N): how many positives of a sample are in the group
    negative: csr_array  # (G, N)

    def positives(self, by_sample: np.ndarray) -> np.ndarray:
        """(D,): how many examples are positive."""
        return (self.positive @ by_sample).sum(axis=0)

    def share(self, by_sample: np.ndarray) -> np.ndarray:
        """(D,): the share of examples that are positive; NaN where there are none."""
        positive = self.positives(by_sample)
        return _quotient(positive, positive + (self.negative @ by_sample).sum(axis=0))

    def auroc(self, by_sample: np.ndarray) -> np.ndarray:
        """(D,): the share of pairs of a positive and a negative that are in order, equal scores counting half."""
        positive, negative = self.positive @ by_sample, self.negative @ by_sample  # (G, D)
        below = np.cumsum(negative, axis=0) - negative / 2
        return _quotient((positive * below).sum(axis=0), positive.sum(axis=0) * negative.sum(axis=0))

    def average_precision(self, by_sample: np.ndarray) -> np.ndarray:
        """(D,): the mean over positives of the precision among what is scored at least as high."""
        positive, negative = (np.flip(part @ by_sample, axis=0) for part in (self.positive, self.negative))
        true = np.cumsum(positive, axis=0)
        said = true + np.cumsum(negative, axis=0)
        precision = np.divide(true, said, out=np.zeros_like(true), where=said > 0)
        return _quotient((positive * precision).sum(axis=0), positive.sum(axis=0))


def rank_scores(
    scores: np.ndarray, targets: np.ndarray, sample: np.ndarray | None = None, samples: int | None = None
) -> RankedScores:
    """scores (K,), targets (K,) ∈ {0, 1}; sample (K,): to which of N `samples` each belongs, by default its own."""
    from scipy.sparse import csr_array

    scores, targets = np.asarray(scores, dtype=np.float64), np.asarray(targets)
    if scores.ndim != 1 or scores.shape != targets.shape:
        raise ValueError(f"scores and targets must both be (N,); found {scores.shape} and {targets.shape}")
    if np.isnan(scores).any():
        raise ValueError("scores must be numbers; found NaN")
    if not np.isin(targets, (0, 1)).all():
        raise ValueError(f"targets must be 0 or 1; found {np.unique(targets).tolist()}")
    sample, samples = owners(len(scores), sample, samples)
    group, groups = _groups(scores, targets == 1)
    sides = []
    for side in (targets == 1, targets == 0):
        entries = np.ones(int(side.sum())), (group[side], sample[side])
        sides.append(csr_array(entries, shape=(groups, samples)))  # several rows of a sample in a group are summed
    return RankedScores(*sides)


def owners(rows: int, sample: np.ndarray | None, samples: int | None) -> tuple[np.ndarray, int]:
    """To which sample each row belongs (K,), and how many samples there are; by default every row is its own."""
    if sample is None:
        sample = np.arange(rows)
    sample = np.asarray(sample)
    samples = rows if samples is None else samples
    if sample.shape != (rows,) or (rows and not 0 <= sample.min() <= sample.max() < samples):
        raise ValueError(f"a sample below {samples} per row expected, ({rows},); found {sample.shape}")
    return sample, samples


def _groups(scores: np.ndarray, positive: np.ndarray) -> tuple[np.ndarray, int]:
    """The group of each example (K,), and how many there are. Equal scores are never parted, and scores between which
    there is no positive never need to be."""
    if not len(scores):
        return np.zeros(0, dtype=np.int64), 0
    values, level = np.unique(scores, return_inverse=True)
    carries = np.bincount(level[positive], minlength=len(values)) > 0
    starts = carries.copy()
    starts[1:] |= carries[:-1]
    starts[0] = False
    of_level = np.cumsum(starts)
    return of_level[level], int(of_level[-1]) + 1


def _quotient(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    return np.divide(above, below, out=np.full(above.shape, np.nan), where=below > 0)
