"""Means over the steps since the last log line: losses, rates, and where the time went."""

from __future__ import annotations

import time
from collections.abc import Mapping

from torch import Tensor


class Averages:
    def __init__(self) -> None:
        self.steps = self.samples = self.tokens = 0
        self.waited = self.seconds = 0.0
        self.totals: dict[str, Tensor] = {}
        self.counts: dict[str, int] = {}

    def add(self, values: Mapping[str, Tensor], *, samples: int, tokens: int = 0, waited: float, began: float) -> None:
        """One step, of so many samples and tokens to write (of all processes)."""
        self.steps += 1
        self.samples += samples
        self.tokens += tokens
        self.waited += waited
        for name, value in values.items():  # summed where they are: reading them would wait for the device
            self.totals[name] = self.totals.get(name, 0) + value
            self.counts[name] = self.counts.get(name, 0) + 1
        self.seconds += time.perf_counter() - began

    def summary(self) -> dict[str, float]:
        means = {name: float(total) / self.counts[name] for name, total in self.totals.items()}
        return {
            **means,
            "samples_per_second": self.samples / self.seconds,
            **({"tokens_per_second": self.tokens / self.seconds} if self.tokens else {}),
            "seconds_per_step": self.seconds / self.steps,
            "data_wait_seconds": self.waited / self.steps,
        }
