"""Solids as the depth interval in which each ray is inside them, and what can be computed from such intervals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipelines.phantoms.beam import Rays

NOWHERE = np.float32(1e6)


@dataclass(frozen=True, slots=True)
class Interval:
    """Per ray: inside from `near` to `far` (mm of depth); outside everywhere where near > far."""

    near: np.ndarray
    far: np.ndarray

    def length(self) -> np.ndarray:
        return np.maximum(self.far - self.near, 0)

    def overlap(self, other: Interval) -> Interval:
        return Interval(np.maximum(self.near, other.near), np.minimum(self.far, other.far))


def interval_around(centre: np.ndarray | float, half: np.ndarray, inside: np.ndarray) -> Interval:
    """[centre - half, centre + half] where `inside`, nowhere else."""
    return Interval(np.where(inside, centre - half, NOWHERE), np.where(inside, centre + half, -NOWHERE))


def ellipsoid(rays: Rays, centre: tuple, semi_axes: tuple, tilt: float = 0.0) -> Interval:
    """Exact chords of an ellipsoid whose first axis is turned by `tilt` radians from x towards y."""
    x, y, xz, yz = rays.x0 - np.float32(centre[0]), rays.y0 - np.float32(centre[1]), rays.xz, rays.yz
    if tilt:
        cos, sin = np.float32(np.cos(tilt)), np.float32(np.sin(tilt))
        x, y, xz, yz = cos * x + sin * y, cos * y - sin * x, cos * xz + sin * yz, cos * yz - sin * xz
    a, b, c = (np.float32(1 / axis) for axis in semi_axes)
    x, y, xz, yz = x * a, y * b, xz * a, yz * b
    z = -np.float32(centre[2]) * c
    square = xz * xz + yz * yz + c * c
    linear = x * xz + y * yz + z * c
    inside = linear * linear - square * (x * x + y * y + (z * z - np.float32(1)))
    root = np.sqrt(np.maximum(inside, 0))
    return Interval(
        np.where(inside > 0, (-linear - root) / square, NOWHERE),
        np.where(inside > 0, (root - linear) / square, -NOWHERE),
    )


def ramp(values: np.ndarray, start: float, stop: float) -> np.ndarray:
    """Smooth step from 0 at `start` to 1 at `stop` (either may be the larger)."""
    share = (values - np.float32(start)) * np.float32(1 / (stop - start))
    share = np.minimum(np.maximum(share, 0), 1)
    return share * share * (3 - 2 * share)
