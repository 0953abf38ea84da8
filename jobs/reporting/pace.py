"""How fast a run is, with what it spends on starting, and without."""

from __future__ import annotations

import time
from collections.abc import Callable


class Pace:
    """clock: gives seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began = self._first = self._last = clock()
        self._images_first = self.images = 0

    def add(self, images: int) -> None:
        """So many more are done."""
        self._last = self._clock()
        if not self.images:
            self._first, self._images_first = self._last, images
        self.images += images

    def summary(self) -> dict[str, float | int | None]:
        """As it stands in summary.json; the rate under way is that after the first part, None if there was one only."""
        seconds, under_way = self._clock() - self._began, self._last - self._first
        return {
            "images": self.images,
            "seconds": round(seconds, 2),
            "images_per_second": round(self.images / seconds, 2) if seconds else None,
            "seconds_to_first_part": round(self._first - self._began, 2) if self.images else None,
            "images_per_second_under_way": round((self.images - self._images_first) / under_way, 2)
            if under_way
            else None,
        }
