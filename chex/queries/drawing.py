"""Random choices among prompts and spellings, from the training run's own generator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import torch

T = TypeVar("T")


def draw_some(items: Sequence[T], wanted: int, generator: torch.Generator) -> list[T]:
    """Up to `wanted` different items, in their original order."""
    if len(items) <= wanted:
        return list(items)
    chosen = torch.randperm(len(items), generator=generator)[:wanted].sort().values
    return [items[i] for i in chosen.tolist()]


def draw_weighted(items: Sequence[T], weights: Sequence[float], wanted: int, generator: torch.Generator) -> list[T]:
    """Up to `wanted` different items, drawn one after the other in proportion to their weights, in their original order."""
    if len(items) <= wanted:
        return list(items)
    chosen = torch.multinomial(torch.tensor(weights), wanted, generator=generator).sort().values
    return [items[i] for i in chosen.tolist()]


def draw_one(items: Sequence[T], generator: torch.Generator) -> T:
    return items[int(torch.randint(len(items), (), generator=generator))]
