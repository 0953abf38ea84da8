"""The point-source beam: which line through the patient each pixel sees, and where a point of the patient lands.

Patient coordinates in mm: x to the patient's left (the image's right), y towards the feet, z towards the front;
the origin is the carina's level in the midline.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipelines.phantoms.habitus import Habitus

Window = tuple[slice, slice]
DETECTOR_GAP = 135.0  # from the patient's centre to the detector


@dataclass(frozen=True, slots=True)
class Rays:
    """Lines (x, y) = (x0 + z xz, y0 + z yz), one per pixel; arrays (H, W) float32."""

    x0: np.ndarray
    xz: np.ndarray
    y0: np.ndarray
    yz: np.ndarray

    def at(self, depth: np.ndarray | float) -> tuple[np.ndarray, np.ndarray]:
        return self.x0 + depth * self.xz, self.y0 + depth * self.yz

    def crop(self, window: Window) -> Rays:
        return Rays(self.x0[window], self.xz[window], self.y0[window], self.yz[window])


class Beam:
    """A divergent beam on a detector of (height, width) pixels with the patient placed in it."""

    def __init__(self, *, habitus: Habitus, size: int) -> None:
        aspect = habitus.aspect
        self.height = size if aspect >= 1 else round(size * aspect)
        self.width = size if aspect <= 1 else round(size / aspect)
        self.spacing = habitus.field / size
        distance = habitus.source_distance
        # PA: the source is behind the patient, the detector in front; AP the other way round
        toward = 1.0 if habitus.view == "PA" else -1.0
        self.toward = toward
        self._s1 = toward / distance
        self._s0 = 1.0 - DETECTOR_GAP / distance
        self._turn = float(np.tan(np.radians(habitus.rotation)))
        self._tilt = float(np.tan(np.radians(habitus.tilt)))
        self._cos, self._sin = float(np.cos(np.radians(habitus.roll))), float(np.sin(np.radians(habitus.roll)))
        # the field is centred a little below the carina
        self._centre_x = -habitus.shift[0]
        self._centre_y = 42.0 * habitus.scale - habitus.shift[1]

    def rays(self) -> Rays:
        columns = (np.arange(self.width, dtype=np.float32) - (self.width - 1) / 2) * np.float32(self.spacing)
        rows = (np.arange(self.height, dtype=np.float32) - (self.height - 1) / 2) * np.float32(self.spacing)
        u = np.float32(self._cos) * columns[None, :] + np.float32(self._sin) * rows[:, None]
        v = np.float32(self._cos) * rows[:, None] - np.float32(self._sin) * columns[None, :]
        s0, s1 = np.float32(self._s0), np.float32(self._s1)
        return Rays(
            x0=u * s0 + np.float32(self._centre_x),
            xz=u * s1 + np.float32(self._turn),
            y0=v * s0 + np.float32(self._centre_y),
            yz=v * s1 + np.float32(self._tilt),
        )

    def project(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rows and columns (float pixels) of points (…, 3) in mm."""
        x, y, z = points[..., 0], points[..., 1], points[..., 2]
        scale = self._s0 + self._s1 * z
        u = (x - self._centre_x - z * self._turn) / scale
        v = (y - self._centre_y - z * self._tilt) / scale
        column = (self._cos * u - self._sin * v) / self.spacing + (self.width - 1) / 2
        row = (self._sin * u + self._cos * v) / self.spacing + (self.height - 1) / 2
        return row, column

    def magnification(self, depth: np.ndarray | float) -> np.ndarray | float:
        """Pixels per mm at a depth."""
        return 1.0 / (self.spacing * (self._s0 + self._s1 * depth))

    def window(self, low: tuple[float, float, float], high: tuple[float, float, float]) -> Window:
        """The pixels that the box between two corner points (mm) can touch; may be empty."""
        rows, columns = [], []
        for z in (low[2], high[2]):
            scale = 1 / ((self._s0 + self._s1 * z) * self.spacing)
            across = [(x - self._centre_x - z * self._turn) * scale for x in (low[0], high[0])]
            down = [(y - self._centre_y - z * self._tilt) * scale for y in (low[1], high[1])]
            for u in across:
                for v in down:
                    columns.append(self._cos * u - self._sin * v)
                    rows.append(self._sin * u + self._cos * v)
        return (
            self._span(min(rows), max(rows), self.height),
            self._span(min(columns), max(columns), self.width),
        )

    @staticmethod
    def _span(low: float, high: float, length: int) -> slice:
        middle = (length - 1) / 2
        start = min(max(int(low + middle - 1), 0), length)
        return slice(start, max(min(int(high + middle + 2), length), start))
