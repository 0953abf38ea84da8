"""Calibration figures against scikit-learn's curve and Brier score, and against sums written out."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, logit
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss, log_loss

from chex.metrics.calibration import (
    brier_score,
    calibration_error,
    class_calibration_errors,
    fit_temperature,
    reliability_curve,
    with_temperature,
)

GENERATOR = np.random.default_rng(0)
PROBABILITIES = GENERATOR.random((300, 3)) ** 2
TARGETS = (GENERATOR.random((300, 3)) < PROBABILITIES**1.5).astype(int)


def error_by_hand(probabilities, targets, bins=10) -> float:
    """Statement by statement: the gap of each bin, weighed by how many statements it has."""
    members = [[] for _ in range(bins)]
    for probability, target in zip(probabilities, targets, strict=True):
        members[max(int(np.ceil(probability * bins)) - 1, 0)].append((probability, target))
    gaps = [abs(sum(p for p, _ in m) - sum(t for _, t in m)) for m in members]
    return sum(gaps) / len(probabilities)


def test_the_curve_is_scikit_learns():
    found = reliability_curve(PROBABILITIES[:, 0], TARGETS[:, 0])
    frequency, probability = calibration_curve(TARGETS[:, 0], PROBABILITIES[:, 0], n_bins=10)
    filled = found.count[0] > 0
    assert found.frequency[0, filled] == pytest.approx(frequency)
    assert found.probability[0, filled] == pytest.approx(probability)
    assert found.count.sum() == 300 and len(found.edges) == 11


def test_error_by_class_and_pooled():
    found = class_calibration_errors(PROBABILITIES, TARGETS, "abc")
    expected = [error_by_hand(PROBABILITIES[:, c], TARGETS[:, c]) for c in range(3)]
    assert [found[name][0] for name in "abc"] == pytest.approx(expected)
    pooled = error_by_hand(PROBABILITIES.ravel(), TARGETS.ravel())
    assert calibration_error(PROBABILITIES, TARGETS)[0] == pytest.approx(pooled)
    assert pooled != pytest.approx(np.mean(expected))
    few = reliability_curve(PROBABILITIES[:, 0], TARGETS[:, 0], bins=4).error[0]
    assert few == pytest.approx(error_by_hand(PROBABILITIES[:, 0], TARGETS[:, 0], bins=4))


def test_by_hand():
    """Two said 0.2 of which one is there, two said 0.9 which both are: (2 · 0.3 + 2 · 0.1) / 4."""
    assert calibration_error([0.2, 0.2, 0.9, 0.9], [0, 1, 1, 1])[0] == pytest.approx(0.2)
    assert brier_score([0.2, 0.2, 0.9, 0.9], [0, 1, 1, 1])[0] == pytest.approx((0.04 + 0.64 + 0.01 + 0.01) / 4)


def test_a_probability_on_an_edge_is_in_the_bin_below():
    assert reliability_curve([0.0, 0.5, 1.0], [0, 1, 1], bins=2).count.tolist() == [[2, 1]]


def test_perfect_and_certain():
    assert calibration_error([0.0, 1.0, 1.0], [0, 1, 1])[0] == brier_score([0.0, 1.0], [0, 1])[0] == 0
    assert calibration_error([1.0, 1.0], [0, 0])[0] == brier_score([1.0], [0])[0] == 1


def test_brier_is_scikit_learns_with_weights():
    weights = GENERATOR.integers(0, 3, 300)
    expected = brier_score_loss(TARGETS[:, 1], PROBABILITIES[:, 1], sample_weight=weights)
    assert brier_score(PROBABILITIES[:, 1], TARGETS[:, 1], weights)[0] == pytest.approx(expected)


def test_weights_repeat_samples():
    times = GENERATOR.integers(0, 3, 300)
    repeated = np.repeat(PROBABILITIES, times, axis=0), np.repeat(TARGETS, times, axis=0)
    weights = np.stack([times, 2 * times])
    for figure in (calibration_error, brier_score):
        assert figure(PROBABILITIES, TARGETS, weights) == pytest.approx([figure(*repeated)[0]] * 2)


def test_unknown_targets_are_left_out():
    targets = TARGETS.copy()
    targets[::2] = -1
    probabilities = np.where(targets == -1, np.nan, PROBABILITIES)
    for figure in (calibration_error, brier_score):
        assert figure(probabilities, targets) == pytest.approx(figure(PROBABILITIES[1::2], TARGETS[1::2]))
    assert fit_temperature(probabilities, targets) == fit_temperature(PROBABILITIES[1::2], TARGETS[1::2])
    assert np.isnan(calibration_error([0.3], [-1])[0]) and np.isnan(brier_score(np.zeros((0, 2)), np.zeros((0, 2)))[0])


@pytest.mark.parametrize("true_temperature", [0.5, 1.0, 3.0])
def test_a_temperature_is_found_again(true_temperature):
    right = expit(GENERATOR.normal(0, 1.5, 40_000))
    targets = (GENERATOR.random(40_000) < right).astype(int)
    said = expit(logit(right) * true_temperature)
    found = fit_temperature(said, targets)
    assert found == pytest.approx(true_temperature, rel=0.05)
    assert calibration_error(with_temperature(said, found), targets)[0] < 0.01
    losses = [log_loss(targets, with_temperature(said, found * factor)) for factor in (0.98, 1, 1.02)]
    assert min(losses) == losses[1]


def test_a_temperature_of_one_changes_nothing():
    assert with_temperature(PROBABILITIES, 1.0) == pytest.approx(PROBABILITIES, abs=2e-7)
    assert np.isfinite(with_temperature(np.array([0.0, 1.0]), 2.0)).all()
    assert (np.diff(with_temperature(np.linspace(0.01, 0.99, 9), 4.0)) > 0).all()


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="both be"):
        calibration_error(np.zeros((2, 2)), np.zeros(2))
    with pytest.raises(ValueError, match="between 0 and 1"):
        brier_score([1.2], [1])
    with pytest.raises(ValueError, match="at least one bin"):
        reliability_curve([0.5], [1], bins=0)
    with pytest.raises(ValueError, match=r"\(N, 2\)"):
        class_calibration_errors(np.zeros((2, 3)), np.zeros((2, 3)), ["a", "b"])
    with pytest.raises(ValueError, match="both kinds; found 2, 2 true"):
        fit_temperature([0.5, 0.6], [1, 1])
    with pytest.raises(ValueError, match="above 0"):
        with_temperature(PROBABILITIES, 0)
