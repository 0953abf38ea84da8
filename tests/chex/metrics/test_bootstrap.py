from __future__ import annotations

import numpy as np
import pytest

from chex.metrics.bootstrap import as_weights, bootstrap, resampling_weights, weighted_mean

VALUES = np.random.default_rng(3).normal(2.0, 1.0, size=400)


def mean(weights):
    return weighted_mean(VALUES, weights)


def test_the_spread_of_a_mean_is_its_standard_error():
    found = bootstrap(mean, 400, 3000, seed=1)
    error = VALUES.std() / np.sqrt(400)
    assert found.mean == pytest.approx(VALUES.mean(), abs=0.005)
    assert found.std == pytest.approx(error, rel=0.06)
    assert found.low == pytest.approx(VALUES.mean() - 1.96 * error, abs=0.02)
    assert found.high == pytest.approx(VALUES.mean() + 1.96 * error, abs=0.02)
    assert found.draws == 3000


def test_the_seed_decides():
    assert bootstrap(mean, 400, 50, seed=1) == bootstrap(mean, 400, 50, seed=1)
    assert bootstrap(mean, 400, 50, seed=1) != bootstrap(mean, 400, 50, seed=2)


def test_weights_are_draws_with_replacement():
    weights = resampling_weights(30, 500)
    assert weights.shape == (500, 30)
    assert (weights.sum(axis=1) == 30).all()
    assert (weights == 0).mean() == pytest.approx((1 - 1 / 30) ** 30, abs=0.01)


def test_undefined_draws_are_left_out():
    found = bootstrap(lambda weights: np.where(weights[:, 0] > 0, 1.0, np.nan), 5, 200)
    assert 0 < found.draws < 200 and found.mean == 1.0
    assert bootstrap(lambda weights: np.full(len(weights), np.nan), 5, 20).draws == 0


@pytest.mark.parametrize(("samples", "draws"), [(0, 10), (10, 0)])
def test_nothing_to_draw_is_refused(samples, draws):
    with pytest.raises(ValueError, match="at least one"):
        resampling_weights(samples, draws)


def test_bad_weights_and_statistics_are_refused():
    with pytest.raises(ValueError, match=r"\(draws, 3\)"):
        as_weights(np.ones((2, 4)), 3)
    with pytest.raises(ValueError, match="negative"):
        as_weights(np.array([1, -1, 1]), 3)
    with pytest.raises(ValueError, match="one figure per draw"):
        bootstrap(lambda weights: np.zeros(1), 4, 10)
    with pytest.raises(ValueError, match="confidence"):
        bootstrap(mean, 400, 10, confidence=95)
