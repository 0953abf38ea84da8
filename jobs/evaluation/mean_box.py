"""The mean of many boxes, summed while they pass by: what a model knows that never looks at the image."""

from __future__ import annotations

from chex.records import Box


class MeanBox:
    def __init__(self) -> None:
        self.count = 0
        self._sums = [0.0, 0.0, 0.0, 0.0]

    def add(self, box: Box) -> None:
        self.count += 1
        self._sums = [total + side for total, side in zip(self._sums, box, strict=True)]

    @property
    def box(self) -> Box | None:
        """None where no box was ever seen."""
        return tuple(total / self.count for total in self._sums) if self.count else None
