"""Two ways to do the same, timed in turns, so that whatever else the machine does falls on both."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import torch


@dataclass
class Timed:
    """Seconds of both sides, one entry per turn, and their last answers."""

    eager: list[float] = field(default_factory=list)
    ours: list[float] = field(default_factory=list)
    answers: dict[str, object] = field(default_factory=dict)

    @property
    def ratio(self) -> float:
        """How many times faster ours is: the median of the turns' ratios."""
        return statistics.median(eager / ours for eager, ours in zip(self.eager, self.ours))


def alternately(
    eager: Callable[[], object],
    ours: Callable[[], object],
    repeats: int,
    *,
    before: Callable[[], object],
    clock: Callable[[], float] = time.perf_counter,
) -> Timed:
    """Runs both `repeats` times, each in turn the first; `before` is called before every run and not timed."""
    timed = Timed()
    for turn in range(repeats):
        sides = [("eager", eager), ("ours", ours)]
        for name, run in sides if turn % 2 == 0 else sides[::-1]:
            before()
            began = clock()
            timed.answers[name] = run()
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            getattr(timed, name).append(clock() - began)
    return timed
