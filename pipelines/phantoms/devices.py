"""Tubes, lines and pacemakers: dense thin courses through known structures."""

from __future__ import annotations

import numpy as np

from pipelines.phantoms.anatomy import SIGN, Anatomy
from pipelines.phantoms.chest import Chest
from pipelines.phantoms.deposit import Deposit
from pipelines.phantoms.findings import FindingRequest
from pipelines.phantoms.organs import heart_solids, trachea_line, vessel_solids
from pipelines.phantoms.strokes import tube


def _smooth(points: list) -> np.ndarray:
    """A Catmull-Rom curve through the points (n, 3)."""
    knots = np.array([points[0], *points, points[-1]], float)
    share = np.linspace(0, 1, 10, endpoint=False)[:, None]
    pieces = []
    for a, b, c, d in zip(knots, knots[1:], knots[2:], knots[3:], strict=False):
        pieces.append(
            0.5
            * (2 * b + (c - a) * share + (2 * a - 5 * b + 4 * c - d) * share**2 + (3 * b - a - 3 * c + d) * share**3)
        )
    return np.concatenate([*pieces, knots[-1:]])


def support_device(chest: Chest, request: FindingRequest, random: np.random.Generator) -> Deposit:
    """Draws the requested device into `chest.metal`."""
    metal = np.zeros_like(chest.metal)
    DEVICES[request.device](chest, request, random, metal)
    chest.metal += metal
    deposit = Deposit(details={"device": request.device})
    deposit.see(metal * np.float32(15.0), share=0.1)
    return deposit


def _endotracheal(chest: Chest, request: FindingRequest, random: np.random.Generator, metal: np.ndarray) -> None:
    line = trachea_line(chest.anatomy)
    tip = line[-1, 1] - random.uniform(24, 52) * chest.anatomy.scale
    line = line[line[:, 1] < tip]
    for offset, density in ((-4.2, 0.2), (4.2, 0.2), (3.0, 0.6)):
        tube(metal, chest.beam, line + np.array([offset, 0, 0]), 1.1, density=density, blur=0.3)


def _right_side(anatomy: Anatomy) -> tuple[np.ndarray, np.ndarray]:
    svc, atrium = vessel_solids(anatomy)["svc"], heart_solids(anatomy)["right atrium"]
    top = np.array([svc.centre[0] + 2, svc.centre[1] - 0.8 * svc.semi_axes[1], 10.0])
    return top, np.array([svc.centre[0], atrium.centre[1] - 0.7 * atrium.semi_axes[1], 8.0])


def _central_line(chest: Chest, request: FindingRequest, random: np.random.Generator, metal: np.ndarray) -> None:
    scale = chest.anatomy.scale
    top, junction = _right_side(chest.anatomy)
    tip = junction + np.array([0, random.uniform(-28, 12) * scale, 0])
    side = SIGN[request.side]
    if random.random() < 0.5:
        entry = [[side * 42 * scale, -150 * scale, 20], [side * 36 * scale, -110 * scale, 20]]
    else:
        level = -62 * scale
        entry = [
            [side * 128 * scale, level + 26 * scale, 30],
            [side * 95 * scale, level + 2 * scale, 40],
            [side * 55 * scale, level, 30],
        ]
    crossing = [[8 * scale, -54 * scale, 14]] if side > 0 else []
    line = _smooth([*entry, *crossing, top, (top + tip) / 2 + np.array([-2.0, 0, 0]), tip])
    tube(metal, chest.beam, line, 1.25, density=0.85, blur=0.3)


def _nasogastric(chest: Chest, request: FindingRequest, random: np.random.Generator, metal: np.ndarray) -> None:
    anatomy, scale = chest.anatomy, chest.anatomy.scale
    y = np.array([-170, -110, -50, 0, 50]) * scale
    middle = [[3 * scale + float(anatomy.spine_x(level)), level, -30] for level in y]
    gate = anatomy.dome["left"]
    stomach = [
        [14 * scale, gate - 8 * scale, -20],
        [34 * scale, gate + 30 * scale, 0],
        [60 * scale, gate + 52 * scale, 15],
    ]
    tube(metal, chest.beam, _smooth([*middle, *stomach]), 1.35, density=0.8, blur=0.3)


def _chest_tube(chest: Chest, request: FindingRequest, random: np.random.Generator, metal: np.ndarray) -> None:
    anatomy, scale = chest.anatomy, chest.anatomy.scale
    side, wide = SIGN[request.side], anatomy.chest_half_width
    line = _smooth([
        [side * (wide + 45 * scale), 88 * scale, 0], [side * (wide - 4 * scale), 66 * scale, 0],
        [side * 0.72 * wide, 20 * scale, -15], [side * 0.55 * wide, -35 * scale, -20],
        [side * 0.38 * wide, anatomy.apex + 24 * scale, -20],
    ])  # fmt: skip
    tube(metal, chest.beam, line, 3.2, density=0.07, blur=0.3)
    tube(metal, chest.beam, line + np.array([side * 2.0, 0, 0]), 1.2, density=0.8, blur=0.3)


def _pacemaker(chest: Chest, request: FindingRequest, random: np.random.Generator, metal: np.ndarray) -> None:
    anatomy, scale = chest.anatomy, chest.anatomy.scale
    side = SIGN[request.side]
    box = np.array([side * 0.68 * anatomy.chest_half_width, -34 * scale + 0.3 * anatomy.shoulder, 85.0])
    window = chest.beam.window(tuple(box - 30), tuple(box + 30))
    x, y = chest.rays.crop(window).at(np.float32(box[2]))
    x, y = (x - np.float32(box[0])) / np.float32(24), (y - np.float32(box[1])) / np.float32(20)
    radius = np.sqrt(np.sqrt(x**4 + y**4))
    metal[window] += np.clip((1 - radius) * 14, 0, 1) * np.float32(3.0)
    top, junction = _right_side(anatomy)
    heart = heart_solids(anatomy)
    apex, atrium = heart["left ventricle"], heart["right atrium"]
    end = [apex.centre[0] + 0.3 * apex.semi_axes[0], apex.centre[1] + 0.5 * apex.semi_axes[1], 40]
    crossing = [[10 * scale, -56 * scale, 14]] if side > 0 else []
    inward = [box[0] - side * 22, box[1] - 8 * scale, 80]
    vein = [side * 55 * scale, -62 * scale, 40]
    courses = [
        [
            inward,
            vein,
            *crossing,
            top,
            junction,
            [atrium.centre[0], atrium.centre[1] + 0.35 * atrium.semi_axes[1], 20],
            end,
        ]
    ]
    if random.random() < 0.6:
        hook = [atrium.centre[0] + 8 * scale, atrium.centre[1] - 0.1 * atrium.semi_axes[1], 30]
        courses.append([inward, vein, *crossing, top + 2, junction + np.array([-3, 14 * scale, 0]), hook])
    for course in courses:
        tube(metal, chest.beam, _smooth([np.asarray(point, float) for point in course]), 1.0, density=1.0, blur=0.3)


DEVICES = {
    "endotracheal tube": _endotracheal,
    "central venous catheter": _central_line,
    "nasogastric tube": _nasogastric,
    "chest tube": _chest_tube,
    "pacemaker": _pacemaker,
}
