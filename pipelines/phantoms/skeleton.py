"""Bones: ribs as bands on the two surfaces of the chest cavity, spine, clavicles, shoulder girdle, sternum."""

from __future__ import annotations

import numpy as np

from pipelines.phantoms.anatomy import SIDES, SIGN, Anatomy
from pipelines.phantoms.chest import Chest, Wall
from pipelines.phantoms.organs import Ellipsoid
from pipelines.phantoms.solids import ramp
from pipelines.phantoms.strokes import tube

RIB_HALF_HEIGHT = 5.7
FIRST_RIB = -86.0


def rib_course(anatomy: Anatomy, rib: float | np.ndarray, turn: float | np.ndarray) -> float | np.ndarray:
    """Level (mm) of a rib's midline; `turn` runs from 0 at the spine over 0.5 at the side to 1 at the sternum."""
    scale = anatomy.scale
    start = FIRST_RIB * scale + anatomy.rib_phase + anatomy.rib_pitch * (rib - 1)
    return start + (anatomy.rib_slope * (40 + 6.5 * rib)) * scale * turn


def add_skeleton(chest: Chest, fractures: tuple = ()) -> None:
    """Adds all bones to `chest.bone`."""
    for name, wall in chest.walls.items():
        _ribs(chest, wall, front=name == "front", fractures=fractures)
    _spine(chest)
    for side in SIDES:
        _clavicle(chest, side)
        _shoulder(chest, side)
    scale = chest.anatomy.scale
    sternum = Ellipsoid((0.0, -42 * scale, 0.86 * chest.anatomy.chest_half_depth), (27 * scale, 24 * scale, 6.0))
    window, chords = chest.solid(sternum)
    chest.bone[window] += 0.25 * chords.length()


def rib_number(anatomy: Anatomy, wall: Wall, front: bool) -> tuple[np.ndarray, np.ndarray]:
    """The continuous rib index at each pixel of a wall, and the local distance in mm from rib to rib."""
    scale = np.float32(anatomy.scale)
    turn = (1 + wall.lift) * np.float32(0.5) if front else (1 - wall.lift) * np.float32(0.5)
    slope = np.float32(anatomy.rib_slope) * scale * turn
    pitch = np.float32(anatomy.rib_pitch) + 6.5 * slope
    start = np.float32(FIRST_RIB * anatomy.scale + anatomy.rib_phase - anatomy.rib_pitch)
    return (wall.y - start - 40 * slope) / pitch, pitch


def _ribs(chest: Chest, wall: Wall, front: bool, fractures: tuple) -> None:
    anatomy = chest.anatomy
    number, pitch = rib_number(anatomy, wall, front)
    for fracture in fractures:
        number = fracture.displace(number, wall, front)
    # no two ribs are alike
    number = number + np.float32(0.05) * np.sin(number * np.float32(2.4) + wall.x * np.float32(0.013))
    nearest = np.round(number)
    offset = (number - nearest) * pitch
    steep = np.float32(1.25 if front else 1.08)
    half = np.float32(RIB_HALF_HEIGHT * anatomy.scale) * steep * (1 + np.float32(0.12) * np.sin(nearest * 1.7))
    share = offset / half
    share *= share
    section = np.sqrt(np.maximum(1 - share, 0))
    # cortex: brighter rims; the lower one is the denser
    cortex = np.exp(-((share - np.float32(0.7)) ** 2) * np.float32(14)) * (
        np.float32(0.5) + np.float32(0.25) * (offset > 0)
    )
    last = np.float32(10.4 if front else 12.4)
    present = (nearest >= 1) & (nearest <= last)
    outer = wall.lift * wall.depth
    ratio = wall.x / (wall.width + np.float32(7.0))
    ratio *= ratio
    shell = (wall.depth + np.float32(7.0)) * np.sqrt(np.maximum(1 - ratio * (0.55 + 0.45 * ratio), 0)) - outer
    shell = shell * np.float32(16) / (shell + np.float32(9))
    side = np.abs(wall.x)
    if front:
        # the cartilage at the front end is not seen
        fade = ramp(side - (34 + 6.5 * nearest) * np.float32(anatomy.scale), -6.0, 10.0) * np.float32(0.8)
    else:
        fade = ramp(side, 12.0, 26.0)
        fade *= 1 - (nearest >= 11.5) * ramp(side, 70.0, 90.0)
    fade *= 1 - np.float32(0.45) * (wall.lift <= 0)  # end-on at the side, it is thin
    thickness = shell * (np.float32(0.34) * section + np.float32(0.4) * cortex) * fade * present
    chest.bone += thickness * np.float32((0.85 if front else 1.35) * anatomy.bone)


def _spine(chest: Chest) -> None:
    anatomy, scale = chest.anatomy, chest.anatomy.scale
    window = chest.beam.window((-45 * scale, -400.0, -60.0), (45 * scale, 500.0, -60.0))
    x, y = chest.rays.crop(window).at(np.float32(-58 * scale))
    x = np.abs(x - chest.profiles.spine[chest.profiles.index(y)]) / np.float32(scale)
    pitch = np.float32(anatomy.rib_pitch)
    start = np.float32(FIRST_RIB * anatomy.scale + anatomy.rib_phase - 2.0)
    number = (y - start) / pitch
    level = number - np.floor(number + 0.5)  # -0.5 … 0.5 within a vertebra
    broad = np.clip(15.5 + 0.022 * y / np.float32(scale), 12.5, 20.0) * (1 + np.float32(0.45) * level * level)
    body = np.sqrt(np.maximum(1 - (x / broad) ** 2, 0)) * ramp(np.abs(level), 0.47, 0.40)
    plate = np.exp(-(((np.abs(level) - 0.40) / 0.05) ** 2)) * (x < broad)
    pedicle = np.exp(-(((x - 0.68 * broad) / 3.4) ** 2 + ((level + 0.14) / 0.17) ** 2))
    spinous = np.exp(-((x / 2.8) ** 2 + ((level - 0.22) / 0.22) ** 2))
    transverse = np.exp(-(((level + 0.12) / 0.16) ** 2)) * ramp(x, 33.0, 25.0) * (x > broad)
    chest.bone[window] += np.float32(anatomy.bone * scale) * (
        4.2 * body + 1.6 * plate + 3.2 * pedicle + 2.6 * spinous + 2.2 * transverse
    ).astype(np.float32)


def clavicle_line(anatomy: Anatomy, side: str) -> np.ndarray:
    """Centre line (n, 3) from the sternal to the acromial end: an S seen from above, rising to the side."""
    scale, sign = anatomy.scale, SIGN[side]
    share = np.linspace(0, 1, 40)
    reach = 0.86 * anatomy.chest_half_width + 26 * scale
    x = sign * (15 * scale + (reach - 15 * scale) * share)
    start = -54 * scale + 0.35 * anatomy.shoulder
    y = start - anatomy.clavicle_rise * share + anatomy.shoulder * 0.65 * share - 5 * scale * np.sin(2 * np.pi * share)
    z = (62 + 10 * np.sin(np.pi * share) - 62 * share**1.5) * scale
    return np.stack([x + np.asarray(anatomy.spine_x(y)), y, z], axis=1)


def _clavicle(chest: Chest, side: str) -> None:
    anatomy, beam = chest.anatomy, chest.beam
    line = clavicle_line(anatomy, side)
    low, high = line.min(axis=0) - 12, line.max(axis=0) + 12
    window = beam.window(tuple(low), tuple(high))
    rows, columns = beam.project(line)
    order = np.argsort(columns)
    across = np.arange(window[1].start, window[1].stop)
    if across.size == 0 or window[0].stop <= window[0].start:
        return
    middle = np.interp(across, columns[order], rows[order])
    share = np.interp(across, columns[order], np.linspace(0, 1, 40)[order])
    within = ramp(np.minimum(across - columns.min(), columns.max() - across), 0.0, 5.0)
    radius = (5.6 + 3.4 * (1 - share) ** 6 + 1.2 * share**4) * anatomy.scale * beam.magnification(40.0)
    down = np.arange(window[0].start, window[0].stop)[:, None]
    ratio = ((down - middle) / radius) ** 2
    section = np.sqrt(np.maximum(1 - ratio, 0)) + 0.5 * np.exp(-((ratio - 0.72) ** 2) * 12)
    chest.bone[window] += (section * within * 6.4 * anatomy.scale * anatomy.bone).astype(np.float32)


def _shoulder(chest: Chest, side: str) -> None:
    """Scapula (a thin plate with thick margins), humeral head and shaft."""
    anatomy, scale, sign = chest.anatomy, chest.anatomy.scale, SIGN[side]
    spread, top = 0.86 * anatomy.chest_half_width + 40 * scale, anatomy.shoulder
    outward = -16.0 if chest.beam.toward > 0 else 4.0  # PA: rolled out of the lungs
    corners = np.array([[spread - 4 * scale, top - 62 * scale], [spread - (62 + outward) * scale, top - 66 * scale],
                        [spread - (38 + outward) * scale, top + 62 * scale]])  # fmt: skip
    low, high = corners.min(axis=0) - 8, corners.max(axis=0) + 8
    edges = sorted((sign * low[0], sign * high[0]))
    window = chest.beam.window((edges[0], low[1], -75 * scale), (edges[1], high[1], -75 * scale))
    x, y = chest.rays.crop(window).at(np.float32(-75 * scale))
    x = x * np.float32(sign)
    distance = None
    for first, second in ((0, 1), (1, 2), (2, 0)):
        along = corners[second] - corners[first]
        normal = np.array([along[1], -along[0]]) / np.hypot(*along)
        gap = (x - np.float32(corners[first][0])) * np.float32(normal[0]) + (
            y - np.float32(corners[first][1])
        ) * np.float32(normal[1])
        distance = gap if distance is None else np.maximum(distance, gap)
    plate = 1.1 * ramp(distance, 1.5, -2.5) + 2.6 * np.exp(-(((distance + 3.0) / 3.2) ** 2))
    chest.bone[window] += (plate * anatomy.bone * scale).astype(np.float32)
    line = np.array([[spread - 8 * scale, top - 62 * scale], [spread - (66 + outward) * scale, top - 48 * scale]])
    spine_of_scapula = np.column_stack([sign * line[:, 0], line[:, 1], np.full(2, -85 * scale)])
    tube(chest.bone, chest.beam, spine_of_scapula, 5.0 * scale, density=0.3 * anatomy.bone)
    for shape, density in (
        (
            Ellipsoid((sign * (spread + 24 * scale), top - 52 * scale, -12.0), (24 * scale, 25 * scale, 24 * scale)),
            0.22,
        ),
        (
            Ellipsoid(
                (sign * (spread + 42 * scale), top + 50 * scale, -8.0),
                (120 * scale, 11 * scale, 11 * scale),
                np.pi / 2 - sign * 0.13,
            ),
            0.5,
        ),
        (
            Ellipsoid(
                (sign * (spread + 4 * scale), top - 76 * scale, -25.0), (26 * scale, 8 * scale, 12 * scale), sign * 0.3
            ),
            0.3,
        ),
    ):
        window, chords = chest.solid(shape)
        chest.bone[window] += np.float32(density * anatomy.bone) * chords.length()
