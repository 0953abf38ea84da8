"""How often each value of an image occurs: counted only if somebody asks, as it takes as long as showing the image."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np


class Occurrences:
    """Of all N values from an image's lowest to its highest one, both of which occur."""

    def __init__(self, count: Callable[[], np.ndarray], *, ends_occur: bool = True) -> None:
        self._count = count
        self._ends_occur = ends_occur

    @cached_property
    def counts(self) -> np.ndarray:
        """The number of pixels of each value (N,)."""
        return self._count()

    def without(self, hidden: np.ndarray) -> Occurrences:
        """The same as if no pixel had the values that are True in `hidden` (N,)."""
        return Occurrences(lambda: np.where(hidden, 0, self.counts), ends_occur=False)

    def differ(self, shown: np.ndarray) -> bool:
        """Whether any two pixels become different things, value after value being shown as `shown` (N,)."""
        if self._ends_occur and abs(shown[0] - shown[-1]) > 0:
            return True
        return bool(np.ptp(shown[self.counts > 0]) > 0)
