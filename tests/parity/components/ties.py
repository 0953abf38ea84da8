"""Which of equally good predictions stands for a target: the costs' last digit decided it, and was not recorded."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

MOST_CHOICES = 1_000_000


def closest_choice(pairs: Tensor, loss_of: Callable[[Tensor], Tensor], recorded: Tensor) -> Tensor:
    """The choice of one pair per target whose loss comes closest to the recorded one.

    pairs (n, 3) as (prompt, prediction, target) → (n) boolean. loss_of gives the loss of a choice, in which every
    prompt has a part of its own. Raises ValueError where there are too many choices to look at.
    """
    options = _options(pairs)
    start = torch.zeros(len(pairs), dtype=torch.bool)
    start[[option[0] for option in options]] = True
    base, totals = loss_of(start).double(), torch.zeros(1, dtype=torch.double)
    for option in options:
        changes = [loss_of(_exchanged(start, option[0], pair)).double() - base for pair in option]
        totals = (totals[:, None] + torch.stack(changes)).flatten()
        if len(totals) > MOST_CHOICES:
            raise ValueError(f"more than {MOST_CHOICES} equally good choices of matches")
    best = int((base + totals - recorded).abs().argmin())
    chosen = torch.zeros_like(start)
    for option in reversed(options):
        best, place = divmod(best, len(option))
        chosen[option[place]] = True
    return chosen


def _options(pairs: Tensor) -> list[list[int]]:
    """Of every target the indices of its pairs."""
    by_target: dict[tuple[int, int], list[int]] = {}
    for index, (prompt, _, target) in enumerate(pairs.tolist()):
        by_target.setdefault((prompt, target), []).append(index)
    return list(by_target.values())


def _exchanged(chosen: Tensor, out: int, into: int) -> Tensor:
    changed = chosen.clone()
    changed[out] = False
    changed[into] = True
    return changed
