"""How a disease enters the projected chest, and how much of it can be seen."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from chex.records import Box
from pipelines.phantoms.beam import Window
from pipelines.phantoms.chest import Chest
from pipelines.phantoms.regions import PixelBox, clip_box, mask_box

LEAST_WATER = 2.0  # mm of water (or what absorbs as much) that a good eye can make out
LEAST_SHARE_OF_PEAK = 0.16


@dataclass
class Deposit:
    """What one disease did: a pixel box per separately visible part, and measurements worth telling."""

    boxes: list[PixelBox] = field(default_factory=list)
    details: dict[str, str | float] = field(default_factory=dict)

    def see(self, change: np.ndarray, window: Window | None = None, share: float = LEAST_SHARE_OF_PEAK) -> None:
        """Adds the box of the pixels where `change` (mm of water) is visible."""
        change = np.abs(change)
        peak = float(change.max(initial=0.0))
        if peak < LEAST_WATER:
            return
        top, left = (window[0].start, window[1].start) if window else (0, 0)
        box = mask_box(change > max(LEAST_WATER, share * peak), top, left)
        if box is not None:
            self.boxes.append(box)

    def clipped(self, chest: Chest) -> tuple[Box, ...]:
        shown = (clip_box(box, chest.beam.height, chest.beam.width, least=1.0) for box in self.boxes)
        return tuple(box for box in shown if box is not None)


def whole(chest: Chest) -> Window:
    return (slice(0, chest.beam.height), slice(0, chest.beam.width))


def fill(chest: Chest, thickness: np.ndarray, window: Window | None = None, density: float = 1.0) -> np.ndarray:
    """Replaces up to `thickness` mm of aerated lung by tissue of `density`; returns the water added, in mm."""
    window = window or whole(chest)
    aerated = chest.aerated[window]
    replaced = np.minimum(thickness, aerated)
    aerated -= replaced
    added = replaced * np.float32(density - chest.anatomy.lung_density)
    chest.soft[window] += added
    return added


def lung_place(chest: Chest, side: str, levels: tuple[float, float], random: np.random.Generator, margin: float):
    """A random point (x, y, z) in mm in the visible lung of a side between two levels, `margin` mm from its border."""
    _, y = chest.middle
    step = 3
    keep = max(margin, 15.0)
    grid = (slice(None, None, step), slice(None, None, step))
    thick = chest.lung[grid] * chest.sides[side][grid]
    open_lung = thick > np.float32(0.6) * chest.cavity.length()[grid]
    inside = open_lung & (thick > max(45.0, 1.1 * margin)) & (chest.aerated[grid] > 0.5 * thick)
    band = inside & (y[grid] > levels[0]) & (y[grid] < levels[1])
    reach = max(int(keep / (chest.beam.spacing * step)), 1)
    # a border frame of the picture is no place for a lesion either
    band[:reach] = band[-reach:] = False
    band[:, :reach] = band[:, -reach:] = False
    inner = band.copy()
    inner[reach:-reach, reach:-reach] &= (
        inside[: -2 * reach, reach:-reach]
        & inside[2 * reach :, reach:-reach]
        & inside[reach:-reach, : -2 * reach]
        & inside[reach:-reach, 2 * reach :]
    )
    places = np.flatnonzero(inner if inner.any() else band if band.any() else inside)
    pick = random.random()
    depth = random.uniform(-0.4, 0.45) * chest.anatomy.chest_half_depth
    if places.size == 0:
        sign = -1.0 if side == "right" else 1.0
        return np.array([sign * 0.55 * chest.anatomy.chest_half_width, sum(np.clip(levels, -60, 110)) / 2, depth])
    row, column = np.unravel_index(places[int(pick * places.size)], thick.shape)
    across, down = chest.rays.crop((slice(row * step, row * step + 1), slice(column * step, column * step + 1))).at(
        depth
    )
    return np.array([float(across[0, 0]), float(down[0, 0]), depth])


def zone_span(chest: Chest, zone: str | None) -> tuple[float, float]:
    """Levels (mm) between which a lesion of a zone has its centre."""
    scale, dome = chest.anatomy.scale, min(chest.anatomy.dome.values())
    upper, mid = 4 * scale, 4 * scale + 0.5 * (dome - 4 * scale)
    return {
        "apical": (chest.anatomy.apex + 12 * scale, -45 * scale),
        "upper": (chest.anatomy.apex + 22 * scale, upper),
        "mid": (upper, mid),
        "perihilar": (upper, mid),
        "lower": (mid, dome + 20 * scale),
    }.get(zone, (chest.anatomy.apex, dome))
