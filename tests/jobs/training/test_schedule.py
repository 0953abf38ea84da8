"""The learning rate: up, then down."""

from __future__ import annotations

import pytest

from chex.training_config import OptimizerConfig
from jobs.training.schedule import learning_rate


def test_warm_up_and_cosine_by_hand():
    config = OptimizerConfig(lr=1.0, final_lr=0.1, warmup_steps=4, steps=13)
    rates = [learning_rate(config, step) for step in range(13)]
    assert rates[:5] == pytest.approx([0.25, 0.5, 0.75, 1.0, 1.0])
    assert rates[8] == pytest.approx(0.55) and rates[12] == pytest.approx(0.1)
    assert rates[4:] == sorted(rates[4:], reverse=True)


def test_without_warm_up_it_starts_at_the_top():
    config = OptimizerConfig(lr=1.0, final_lr=0.0, warmup_steps=0, steps=1)
    assert learning_rate(config, 0) == 1.0


def test_only_warm_up():
    config = OptimizerConfig(lr=1.0, final_lr=0.0, warmup_steps=2, steps=2)
    assert [learning_rate(config, step) for step in range(2)] == [0.5, 1.0]
