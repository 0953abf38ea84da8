"""The mean of many boxes, summed while they pass by: what a model knows that never looks at the image."""

from __future__ import annotations

from collections.abc import Sequence

from chex.records import Box


class MeanBox:
    def __init__(self) -> None:
        self.count = 0
        self._sums = [0.0, 0.0, 0.0, 0.0]

    @classmethod
    def of(cls, values: Sequence[float]) -> MeanBox:
        """What `as_list` gave."""
        mean = cls()
        mean.count, *mean._sums = values
        return mean

    def as_list(self) -> list[float]:
        """The count and the four sums."""
        return [self.count, *self._sums]

    def add(self, box: Box) -> None:
        self.count += 1
        self._sums = [total + side for total, side in zip(self._sums, box, strict=True)]

    def join(self, other: MeanBox) -> None:
        """Counts the other's boxes, too."""
        self.count += other.count
        self._sums = [total + side for total, side in zip(self._sums, other._sums, strict=True)]

    @property
    def box(self) -> Box | None:
        """None where no box was ever seen."""
        return tuple(total / self.count for total in self._sums) if self.count else None
