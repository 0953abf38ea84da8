"""Rib fractures: a gap and a step in the band of a rib, with a bruise of the pleura over it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipelines.phantoms.anatomy import SIGN
from pipelines.phantoms.chest import Chest, Wall
from pipelines.phantoms.deposit import Deposit
from pipelines.phantoms.disease_shapes import graded
from pipelines.phantoms.findings import FindingRequest
from pipelines.phantoms.organs import Ellipsoid
from pipelines.phantoms.regions import PixelBox, union_box
from pipelines.phantoms.skeleton import RIB_HALF_HEIGHT, rib_course


@dataclass(frozen=True, slots=True)
class Fracture:
    """A break of one posterior rib at `place` mm from the midline; the lateral piece steps by `step` ribs' distance."""

    sign: float
    rib: int
    place: float
    step: float

    def displace(self, number: np.ndarray, wall: Wall, front: bool) -> np.ndarray:
        """The rib index with the broken rib's lateral piece moved and a gap left at the break."""
        if front:
            return number
        beyond = wall.x * np.float32(self.sign) - np.float32(self.place)
        near = (np.abs(number - self.rib) < 0.62) & (np.abs(beyond) < 60)
        moved = np.float32(self.step) * np.exp(-np.abs(beyond) * np.float32(1 / 24)) * np.where(beyond > 0, 1, -0.45)
        broken = number - moved.astype(np.float32)
        broken = np.where(np.abs(beyond) < 2.8, np.float32(self.rib + 0.5), broken)
        return np.where(near, broken, number)


def break_ribs(chest: Chest, request: FindingRequest, random: np.random.Generator) -> tuple[list[Fracture], Deposit]:
    """One to four neighbouring ribs broken in a line; the bones are drawn later with the skeleton."""
    deposit, anatomy = Deposit(), chest.anatomy
    sign, scale = SIGN[request.side], anatomy.scale
    first = {"upper": 3, "mid": 5}.get(request.zone, 7) + int(random.random() < 0.5)
    count = int(graded(request.severity, 1, 2, 3)) + int(random.random() < 0.3)
    fractures, boxes = [], []
    place = random.uniform(0.6, 0.78) * anatomy.chest_half_width
    for rib in range(first, first + count):
        level = float(rib_course(anatomy, rib, 0.35))
        width = float(chest.profiles.chest_width[chest.profiles.index(np.float32(level))])
        x = min(place + random.normal(0, 3), 0.86 * width)
        ratio = (x / width) ** 2
        lift = float(np.sqrt(max(1 - ratio * (0.55 + 0.45 * ratio), 0)))
        level = float(rib_course(anatomy, rib, (1 - lift) / 2))
        step = float(random.choice((-1.0, 1.0)) * random.uniform(0.32, 0.42))
        fractures.append(Fracture(sign, rib, x, step))
        depth = -lift * float(chest.profiles.chest_depth[chest.profiles.index(np.float32(level))])
        centre = (sign * x + float(anatomy.spine_x(level)), level, depth)
        bruise = Ellipsoid(centre, (18 * scale, 11 * scale, 14 * scale), sign * 0.3)
        window, chords = chest.solid(bruise)
        chest.soft[window] += 0.9 * np.minimum(chords.length(), chest.lung[window])
        boxes.append(_box(chest, centre, (21 * scale, (RIB_HALF_HEIGHT + 7.5) * scale)))
    deposit.boxes.append(union_box(*boxes))
    deposit.details["ribs"] = float(count)
    deposit.details["first_rib"] = float(first)
    return fractures, deposit


def _box(chest: Chest, centre: tuple[float, float, float], half: tuple[float, float]) -> PixelBox:
    row, column = chest.beam.project(np.array(centre))
    per_mm = chest.beam.magnification(centre[2])
    return (column - half[0] * per_mm, row - half[1] * per_mm, column + half[0] * per_mm, row + half[1] * per_mm)
