"""A figure beside its baselines."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from chex.metrics.bootstrap import Spread


@dataclass(frozen=True, slots=True)
class Figure:
    """`baseline` names the entry of `baselines` that the value is to be compared with."""

    value: float
    baselines: dict[str, float]
    baseline: str
    definition: str
    samples: int
    spread: Spread | None = None
    classes: dict[str, float] = field(default_factory=dict)
    class_spreads: dict[str, Spread] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.baseline not in self.baselines:
            raise ValueError(f"no baseline {self.baseline!r}; there are {list(self.baselines)}")

    def as_dict(self) -> dict[str, Any]:
        """JSON values; what is undefined (NaN) becomes null."""
        written: dict[str, Any] = {
            "value": _number(self.value),
            "baseline": _number(self.baselines[self.baseline]),
            "baselines": {name: _number(value) for name, value in self.baselines.items()},
            "definition": self.definition,
            "samples": self.samples,
        }
        if self.spread:
            written |= {"std": _number(self.spread.std), "low": _number(self.spread.low)}
            written |= {"high": _number(self.spread.high), "draws": self.spread.draws}
        if self.classes:
            written["classes"] = {name: _number(value) for name, value in self.classes.items()}
        if self.class_spreads:
            written["class_std"] = {name: _number(spread.std) for name, spread in self.class_spreads.items()}
        return written


def _number(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
