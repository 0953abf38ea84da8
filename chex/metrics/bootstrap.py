"""How much a figure would move with another sample of patients: the bootstrap, as weights on samples.

A draw with replacement only says how often each sample counts. Every metric of this room therefore takes
`weights` (D, N), one row per draw, and answers all D draws at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

_DRAWS_AT_ONCE = 64  # bounds the memory of the (D, N) arrays inside the metrics


@dataclass(frozen=True, slots=True)
class Spread:
    """The bootstrap distribution of a figure: `low` and `high` are its percentile interval."""

    mean: float
    std: float
    low: float
    high: float
    draws: int  # draws on which the figure was defined


def unit_weights(samples: int) -> np.ndarray:
    """(1, N): every sample once, the figure itself."""
    return np.ones((1, samples))


def as_weights(weights: np.ndarray | None, samples: int) -> np.ndarray:
    """(D, N) float64; ValueError if `weights` do not fit the number of samples."""
    if weights is None:
        return unit_weights(samples)
    weights = np.atleast_2d(np.asarray(weights, dtype=np.float64))
    if weights.ndim != 2 or weights.shape[1] != samples:
        raise ValueError(f"weights must be (draws, {samples}); found {weights.shape}")
    if (weights < 0).any():
        raise ValueError("weights must not be negative")
    return weights


def resampling_weights(samples: int, draws: int, seed: int = 0) -> np.ndarray:
    """(D, N): how often each of N samples is drawn, in D draws of N with replacement."""
    if samples < 1 or draws < 1:
        raise ValueError(f"at least one sample and one draw expected; found {samples} and {draws}")
    generator = np.random.default_rng(seed)
    return generator.multinomial(samples, np.full(samples, 1 / samples), size=draws).astype(np.float64)


def bootstrap(
    statistic: Callable[[np.ndarray], np.ndarray], samples: int, draws: int, seed: int = 0, confidence: float = 0.95
) -> Spread:
    """The spread of `statistic`, which maps weights (D, N) to D figures; draws where it is NaN are left out."""
    return spread_over(statistic, resampling_weights(samples, draws, seed), confidence)


def spread_over(statistic: Callable[[np.ndarray], np.ndarray], weights: np.ndarray, confidence: float = 0.95) -> Spread:
    """The spread of `statistic` over given draws, weights (D, N): see `bootstrap`."""
    return spreads_over(lambda some: {"": statistic(some)}, weights, confidence)[""]


def spreads_over(
    statistics: Callable[[np.ndarray], Mapping[str, np.ndarray]], weights: np.ndarray, confidence: float = 0.95
) -> dict[str, Spread]:
    """The spreads of several figures by name, `statistics` being asked for all of them at once: see `bootstrap`."""
    if not 0 < confidence < 1:
        raise ValueError(f"confidence lies between 0 and 1; found {confidence}")
    draws = len(weights)
    parts = [statistics(weights[start : start + _DRAWS_AT_ONCE]) for start in range(0, draws, _DRAWS_AT_ONCE)]
    return {
        name: _spread(np.concatenate([np.atleast_1d(part[name]) for part in parts]), draws, confidence)
        for name in parts[0]
    }


def _spread(figures: np.ndarray, draws: int, confidence: float) -> Spread:
    if figures.shape != (draws,):
        raise ValueError(f"the statistic must give one figure per draw, ({draws},); found {figures.shape}")
    figures = figures[~np.isnan(figures)]
    if not len(figures):
        return Spread(float("nan"), float("nan"), float("nan"), float("nan"), 0)
    low, high = np.quantile(figures, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Spread(float(figures.mean()), float(figures.std()), float(low), float(high), len(figures))


def weighted_mean(values: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """(D,): the mean of the values (N,) under each row of weights; NaN where nothing counts."""
    values = np.asarray(values, dtype=np.float64)
    weights = as_weights(weights, len(values))
    total = weights.sum(axis=1)
    return np.divide(weights @ values, total, out=np.full(len(weights), np.nan), where=total > 0)
