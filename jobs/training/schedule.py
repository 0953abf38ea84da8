"""The learning rate of every step: linear warm-up, then a cosine."""

from __future__ import annotations

import math

from chex.training_config import OptimizerConfig


def learning_rate(config: OptimizerConfig, step: int) -> float:
    """The rate of update `step` (0 is the first). Warm-up reaches `lr` after `warmup_steps`, the cosine `final_lr` at the end."""
    if step < config.warmup_steps:
        return config.lr * (step + 1) / config.warmup_steps
    rest = max(1, config.steps - 1 - config.warmup_steps)
    progress = min(1.0, (step - config.warmup_steps) / rest)
    return config.final_lr + (config.lr - config.final_lr) * (1 + math.cos(math.pi * progress)) / 2
