"""What the losses' plain references share: random input with gaps, and the formulas' own words."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import settings
from hypothesis import strategies as st

EXAMPLES = settings(max_examples=25, deadline=None, derandomize=True)
seeds = st.integers(0, 10_000)
few = st.integers(0, 4)


def about(expected: float):
    return pytest.approx(expected, rel=2e-4, abs=2e-5)


def gaussian(generator: np.random.Generator, *shape: int) -> torch.Tensor:
    return torch.from_numpy(generator.normal(size=shape).astype(np.float32))


def flags(generator: np.random.Generator, *shape: int) -> torch.Tensor:
    return torch.from_numpy(generator.random(shape) < 0.5)


def cosine(a: torch.Tensor, b: torch.Tensor) -> float:
    a, b = a.double().numpy(), b.double().numpy()
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))


def surprise(logits: list[float], right: int) -> float:
    """−log of the share that softmax gives to one of the logits."""
    return math.log(sum(math.exp(logit - logits[right]) for logit in logits))


def mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else 0.0
