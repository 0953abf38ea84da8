"""Every metric under weights gives what it gives on the drawn samples, computed anew: the cases of the benchmark, small."""

from __future__ import annotations

import numpy as np
import pytest

from chex.metrics.bootstrap import resampling_weights
from tests.benchmarks import bootstrap_cases
from tests.benchmarks.bootstrap_cases import CASES


@pytest.mark.parametrize("name", CASES)
def test_weights_are_drawn_samples(name, monkeypatch):
    monkeypatch.setattr(bootstrap_cases, "LABELS", 5)
    monkeypatch.setattr(bootstrap_cases, "PATHOLOGIES", 4)
    monkeypatch.setattr(bootstrap_cases, "REGIONS", 4)
    prepare, plain = CASES[name](12, np.random.default_rng(1))
    weights = resampling_weights(12, 3, seed=2)
    expected = [plain(np.repeat(np.arange(12), row.astype(int))) for row in weights]
    found = prepare()(weights)
    assert found == pytest.approx(expected, abs=1e-12) and np.isfinite(found).all()
    assert len(set(np.round(found, 9))) > 1
