"""Do probabilities mean what they say? Reliability curve, expected calibration error, Brier score, temperature.

Everything is about yes/no statements: of 100 findings said with probability 0.3, thirty should be there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from chex.metrics.bootstrap import as_weights

BINS = 10
_LEAST = 1e-7  # probabilities of exactly 0 or 1 have no logit
_LOG_TEMPERATURES = (-5.0, 5.0)  # temperatures from 0.007 to 148 are looked through


@dataclass(frozen=True, slots=True)
class ReliabilityCurve:
    """What was said and what was true in bins of equal width; a point is NaN where a bin is empty."""

    edges: np.ndarray  # (B + 1,), from 0 to 1; a probability on an edge belongs to the bin below
    count: np.ndarray  # (D, B): statements in the bin
    probability: np.ndarray  # (D, B): their mean probability
    frequency: np.ndarray  # (D, B): the share of them that is true

    @property
    def error(self) -> np.ndarray:
        """(D,): expected calibration error, see `calibration_error`."""
        total = self.count.sum(axis=1)
        gaps = self.count * np.abs(np.nan_to_num(self.probability) - np.nan_to_num(self.frequency))
        return np.divide(gaps.sum(axis=1), total, out=np.full(len(total), np.nan), where=total > 0)


def reliability_curve(
    probabilities: np.ndarray, targets: np.ndarray, weights: np.ndarray | None = None, bins: int = BINS
) -> ReliabilityCurve:
    """The points of a reliability diagram (DeGroot and Fienberg 1983).

    probabilities and targets: (N,), or (N, C) for C statements about each of N samples, which are then pooled; a target
    other than 0 or 1 is unknown and left out. weights: (D, N) on samples.
    """
    if bins < 1:
        raise ValueError(f"at least one bin expected; found {bins}")
    probabilities, true, known = _statements(probabilities, targets)
    edges = np.linspace(0, 1, bins + 1)
    place = np.searchsorted(edges[1:-1], probabilities, side="left")
    sample = np.broadcast_to(np.arange(len(probabilities))[:, None], probabilities.shape)
    per_sample = np.zeros((3, len(probabilities), bins))  # statements, their probabilities, true ones
    for part, value in zip(per_sample, (known, known * probabilities, known & true), strict=True):
        np.add.at(part, (sample, place), value)
    weights = as_weights(weights, len(probabilities))
    count, said, right = (weights @ part for part in per_sample)
    return ReliabilityCurve(edges, count, _share(said, count), _share(right, count))


def calibration_error(
    probabilities: np.ndarray, targets: np.ndarray, weights: np.ndarray | None = None, bins: int = BINS
) -> np.ndarray:
    """(D,): expected calibration error (Naeini et al. 2015), 0 … 1, less is better; NaN without a known target.

    The mean distance between probability and frequency in bins of equal width, each counted by its statements. It is
    pooled where arguments are (N, C); `class_calibration_errors` has it by class. Arguments: `reliability_curve`.
    """
    return reliability_curve(probabilities, targets, weights, bins).error


def class_calibration_errors(
    probabilities: np.ndarray,
    targets: np.ndarray,
    classes: Sequence[str],
    weights: np.ndarray | None = None,
    bins: int = BINS,
) -> dict[str, np.ndarray]:
    """Class → (D,): the calibration error of each class alone, from (N, C); NaN for a class without a known target."""
    probabilities, targets = np.asarray(probabilities), np.asarray(targets)
    if probabilities.ndim != 2 or probabilities.shape[1] != len(classes):
        raise ValueError(f"probabilities must be (N, {len(classes)}), a column per class; found {probabilities.shape}")
    if targets.shape != probabilities.shape:
        raise ValueError(f"targets must be {probabilities.shape} like probabilities; found {targets.shape}")
    return {
        name: calibration_error(probabilities[:, column], targets[:, column], weights, bins)
        for column, name in enumerate(classes)
    }


def brier_score(probabilities: np.ndarray, targets: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """(D,): mean squared distance of probability and truth (Brier 1950), 0 … 1, less is better; 0.25 for always 0.5.

    Unlike the calibration error it also asks that what is there and what is not be told apart. Arguments:
    `reliability_curve`; pooled where they are (N, C).
    """
    probabilities, true, known = _statements(probabilities, targets)
    squared = (known * (probabilities - true) ** 2).sum(axis=1)
    weights = as_weights(weights, len(squared))
    return _share(weights @ squared, weights @ known.sum(axis=1))


def fit_temperature(probabilities: np.ndarray, targets: np.ndarray) -> float:
    """The temperature T under which sigmoid(logit(probability) / T) gives the known targets the least log loss.

    Above 1 where the model is too sure of itself. To be fitted on validation data and applied to other data with
    `with_temperature` (Guo et al. 2017). Arguments: `reliability_curve`. ValueError unless both outcomes occur.
    """
    from scipy.optimize import minimize_scalar

    probabilities, true, known = _statements(probabilities, targets)
    logits, true = _logits(probabilities[known]), true[known]
    if true.all() or not true.any():
        raise ValueError(f"a temperature needs known targets of both kinds; found {len(true)}, {int(true.sum())} true")
    margins = np.where(true, logits, -logits)
    found = minimize_scalar(
        lambda log_temperature: np.logaddexp(0, -margins * np.exp(-log_temperature)).mean(),
        bounds=_LOG_TEMPERATURES,
        method="bounded",
        options={"xatol": 1e-6},
    )
    return float(np.exp(found.x))


def with_temperature(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """sigmoid(logit(probability) / temperature), of any shape: the order stays, and so does what is above 0.5."""
    if not temperature > 0:
        raise ValueError(f"a temperature is above 0; found {temperature}")
    from scipy.special import expit

    return expit(_logits(np.asarray(probabilities, dtype=np.float64)) / temperature)


def _logits(probabilities: np.ndarray) -> np.ndarray:
    from scipy.special import logit

    return logit(probabilities.clip(_LEAST, 1 - _LEAST))


def _statements(probabilities: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Probabilities, whether true, whether known: (N, C) each."""
    probabilities, targets = np.asarray(probabilities, dtype=np.float64), np.asarray(targets)
    if probabilities.shape != targets.shape or probabilities.ndim not in (1, 2):
        raise ValueError(
            f"probabilities and targets must both be (N,) or (N, C); found {probabilities.shape} and {targets.shape}"
        )
    known = np.isin(targets, (0, 1))
    if not ((probabilities >= 0) & (probabilities <= 1))[known].all():
        raise ValueError("probabilities must lie between 0 and 1 where the target is known")
    probabilities = np.where(known, probabilities, 0.0)  # what is unknown may be anything, NaN too
    shape = (len(probabilities), -1) if probabilities.size else (len(probabilities), 1)
    return tuple(each.reshape(shape) for each in (probabilities, targets == 1, known))


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.full(whole.shape, np.nan), where=whole > 0)
