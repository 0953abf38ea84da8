"""Whether a model still is what was loaded: it has to repeat an answer that it gave at the start."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

Answer = Sequence[float | str]


class KnownAnswer:
    """ask: puts a tiny question to the model; the same model answers it with the same numbers and words."""

    def __init__(self, ask: Callable[[], Answer], *, tolerance: float = 1e-3) -> None:
        self._ask, self._tolerance = ask, tolerance
        self._first: Answer | None = None

    def check(self) -> None:
        """Raises RuntimeError if a number of the answer is not finite, or if it is another answer than the first."""
        answer = self._ask()
        if any(isinstance(part, float) and not math.isfinite(part) for part in answer):
            raise RuntimeError("the model answers a known question with numbers that are not finite")
        if self._first is None:
            self._first = answer
        if len(answer) != len(self._first) or not all(map(self._same, answer, self._first)):
            raise RuntimeError("the model answers a known question otherwise than when it was loaded")

    def _same(self, part: float | str, first: float | str) -> bool:
        if isinstance(part, str) or isinstance(first, str):
            return part == first
        return math.isclose(part, first, rel_tol=self._tolerance, abs_tol=self._tolerance)
