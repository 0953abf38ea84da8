"""Do two readings state the same of the same labels? Precision, recall, F1 and correlation of yes/no answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from chex.metrics.bootstrap import as_weights, weighted_mean

Score = Literal["f1", "precision", "recall"]


@dataclass(frozen=True, slots=True)
class LabelCounts:
    """Per example and label: what is predicted and what is true, each (N, L) bool; more is better, 0 … 1.

    A quotient without anything to count (no label predicted, or none true) is 0.
    """

    labels: tuple[str, ...]
    predicted: np.ndarray
    true: np.ndarray

    def __post_init__(self) -> None:
        expected = (len(self.true), len(self.labels))
        if self.predicted.shape != expected or self.true.shape != expected:
            raise ValueError(
                f"predicted and true must both be (N, {len(self.labels)}), one column per label; "
                f"found {self.predicted.shape} and {self.true.shape}"
            )

    def micro(self, weights: np.ndarray | None = None, score: Score = "f1") -> np.ndarray:
        """(D,): the score over all (example, label) pairs together."""
        return _score(*(counted.sum(axis=1) for counted in self._counted(weights)), score)

    def macro(self, weights: np.ndarray | None = None, score: Score = "f1") -> np.ndarray:
        """(D,): the mean of the labels' scores; a label that is never true and never predicted counts 0."""
        return self.per_label(weights, score).mean(axis=1)

    def per_label(self, weights: np.ndarray | None = None, score: Score = "f1") -> np.ndarray:
        """(D, L)."""
        return _score(*self._counted(weights), score)

    def example(self, weights: np.ndarray | None = None, score: Score = "f1") -> np.ndarray:
        """(D,): the mean of the examples' scores; one with nothing true and nothing predicted counts 0."""
        per_example = _score(*(part.sum(axis=1) for part in self._parts()), score)
        return np.nan_to_num(weighted_mean(per_example, weights))

    def positives(self, weights: np.ndarray | None = None) -> np.ndarray:
        """(D, L): how many examples have the label."""
        return as_weights(weights, len(self.true)) @ self.true

    def correlation(self, weights: np.ndarray | None = None) -> np.ndarray:
        """(D,): Matthews' correlation over all (example, label) pairs together, −1 … 1; 0 where a side never varies."""
        true, false, missed = (counted.sum(axis=1) for counted in self._counted(weights))
        right = (as_weights(weights, len(self.true)) @ (~self.predicted & ~self.true)).sum(axis=1)
        scale = (true + false) * (true + missed) * (right + false) * (right + missed)
        above = true * right - false * missed
        return np.divide(above, np.sqrt(scale), out=np.zeros(len(scale)), where=scale > 0)

    def table(self) -> dict[str, dict[str, float]]:
        """Per label: precision, recall, f1, and how many examples have it (`support`) or are said to (`predicted`)."""
        scores = {score: self.per_label(score=score)[0] for score in ("precision", "recall", "f1")}
        counts = {"support": self.true.sum(axis=0), "predicted": self.predicted.sum(axis=0)}
        return {
            label: {name: float(values[i]) for name, values in scores.items()}
            | {name: int(values[i]) for name, values in counts.items()}
            for i, label in enumerate(self.labels)
        }

    def _parts(self) -> tuple[np.ndarray, ...]:
        """True positives, false positives, false negatives, (N, L) bool each."""
        return self.predicted & self.true, self.predicted & ~self.true, ~self.predicted & self.true

    def _counted(self, weights: np.ndarray | None) -> tuple[np.ndarray, ...]:
        weights = as_weights(weights, len(self.true))
        return tuple(weights @ part for part in self._parts())


def _score(true: np.ndarray, false: np.ndarray, missed: np.ndarray, score: Score) -> np.ndarray:
    found = {
        "f1": (2 * true, 2 * true + false + missed),
        "precision": (true, true + false),
        "recall": (true, true + missed),
    }
    if score not in found:
        raise ValueError(f"a score is one of {', '.join(found)}; found {score!r}")
    part, whole = (np.asarray(value, dtype=np.float64) for value in found[score])
    return np.divide(part, whole, out=np.zeros_like(whole), where=whole > 0)
