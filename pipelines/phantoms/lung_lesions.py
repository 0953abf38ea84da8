"""Diseases inside the lungs: consolidation, atelectasis, edema, nodule, mass, granuloma, emphysema."""

from __future__ import annotations

import numpy as np

from pipelines.phantoms.anatomy import SIGN
from pipelines.phantoms.chest import Chest
from pipelines.phantoms.deposit import Deposit, fill, lung_place, zone_span
from pipelines.phantoms.disease_shapes import graded, sides_of
from pipelines.phantoms.findings import FindingRequest
from pipelines.phantoms.organs import Ellipsoid, hilum_points
from pipelines.phantoms.regions import lung_mask, mask_box, solid_box
from pipelines.phantoms.solids import ramp
from pipelines.phantoms.strokes import segments, tube
from pipelines.phantoms.texture import blotches


def consolidation(chest: Chest, request: FindingRequest, random: np.random.Generator) -> Deposit:
    """Airspace filled in a part of a lobe: soft, mottled edges, sometimes cut off sharply by a fissure."""
    deposit, scale = Deposit(), chest.anatomy.scale
    for side in sides_of(request):
        size = graded(request.severity, 29, 37, 47) * scale * random.uniform(0.9, 1.15)
        place = lung_place(chest, side, zone_span(chest, request.zone), random, 0.55 * size)
        axes = (size * random.uniform(0.9, 1.25), size * random.uniform(0.8, 1.1), size * random.uniform(1.0, 1.4))
        window, chords = chest.solid(Ellipsoid(tuple(place), axes, random.uniform(-0.6, 0.6)))
        length = chords.length()
        if length.size == 0:
            continue
        edge = length / np.float32(2 * axes[2]) + np.float32(0.2) * blotches(length.shape, 9.0, random)
        mottled = 1 + np.float32(0.1) * blotches(length.shape, 4.5, random)
        share = ramp(edge, 0.06, 0.72) * np.clip(mottled, 0.45, 1.2)
        if random.random() < 0.3:
            _, y = chest.rays.crop(window).at(np.float32(place[2]))
            share *= ramp(y - np.float32(place[1]), 0.45 * axes[1] + 3, 0.45 * axes[1])
        thickness = 1.15 * axes[2] * share * chest.sides[side][window]
        deposit.see(fill(chest, thickness, window, graded(request.severity, 0.8, 0.92, 1.03)), window)
    return deposit


def atelectasis(chest: Chest, request: FindingRequest, random: np.random.Generator) -> Deposit:
    """Plates of collapsed lung above a raised diaphragm, with haze over the base where it is worse than mild."""
    deposit, scale = Deposit(), chest.anatomy.scale
    for side in sides_of(request):
        dome, sign = chest.anatomy.dome[side], SIGN[side]
        plates = np.zeros_like(chest.lung)
        for _ in range(int(graded(request.severity, 1, 2, 2)) + int(random.random() < 0.4)):
            length = random.uniform(45, 75) * scale
            start = sign * random.uniform(34, 58) * scale
            level = dome - random.uniform(6, 34) * scale
            share = np.linspace(0, 1, 12)
            rise = random.uniform(-0.15, 0.32) * length
            line = np.stack(
                [start + sign * length * share, level - rise * share - 3 * np.sin(np.pi * share), 0 * share], axis=1
            )
            tube(
                plates,
                chest.beam,
                line,
                random.uniform(2.4, 3.6) * scale,
                density=graded(request.severity, 4.0, 5.0, 6.0),
                blur=0.4,
            )
        x, y = chest.middle
        above = ramp(y, dome - graded(request.severity, 14, 26, 42) * scale, dome + 4)
        across = ramp(np.abs(x), 0.9 * chest.anatomy.chest_half_width, 0.4 * chest.anatomy.chest_half_width)
        haze = chest.aerated * (above * across * np.float32(graded(request.severity, 0.1, 0.28, 0.42)))
        haze *= 1 + np.float32(0.2) * blotches(haze.shape, 7.0, random)
        deposit.see(fill(chest, (haze + plates) * chest.sides[side]), share=0.22)
    return deposit


def edema(chest: Chest, request: FindingRequest, random: np.random.Generator) -> Deposit:
    """Fluid about both hila and in the septa: haze, blurred vessels, short lines at the lateral bases."""
    deposit, scale = Deposit(), chest.anatomy.scale
    x, y = chest.middle
    mottled = 1 + np.float32(0.12) * blotches(x.shape, 5.0, random) + np.float32(0.16) * blotches(x.shape, 11.0, random)
    for side in sides_of(request):
        hilum, sign = hilum_points(chest.anatomy)[side], SIGN[side]
        reach = np.float32(graded(request.severity, 46, 54, 64) * scale)
        away = ((x - np.float32(hilum[0] + sign * 14)) / reach) ** 2 + (
            (y - np.float32(hilum[1] + 16)) / (1.25 * reach)
        ) ** 2
        share = np.float32(graded(request.severity, 0.2, 0.32, 0.46)) * np.exp(-away) * mottled
        lines = np.zeros_like(x)
        count = int(graded(request.severity, 10, 18, 26))
        level = random.uniform(0.5, 0.95, count) * chest.anatomy.dome[side]
        outer = sign * chest.anatomy.chest_half_width * random.uniform(0.7, 0.9, count)
        starts = np.stack([outer, level, 0 * level], axis=1)
        reach_in = -sign * random.uniform(9, 18, count) * scale
        ends = starts + np.stack([reach_in, random.normal(0, 3, count), 0 * level], axis=1)
        segments(lines, chest.beam, starts, ends, 1.0, 3.0)
        haze = chest.aerated * np.maximum(share, 0)
        seen = fill(chest, (haze + lines * ramp(chest.aerated, 0, 30)) * chest.sides[side])
        deposit.see(seen, share=0.3)
    return deposit


def _ball(chest: Chest, side: str, place: np.ndarray, axes: tuple, tilt: float, deposit_in: np.ndarray) -> None:
    window, chords = chest.solid(Ellipsoid(tuple(place), axes, tilt))
    deposit_in[window] = np.maximum(deposit_in[window], chords.length())


def nodule(chest: Chest, request: FindingRequest, random: np.random.Generator) -> Deposit:
    """A round opacity of 11 to 25 mm."""
    deposit = Deposit()
    for side in sides_of(request):
        size = graded(request.severity, 13, 18, 23.5) + random.uniform(-2, 2)
        place = lung_place(chest, side, zone_span(chest, request.zone), random, 14)
        half = size / 2
        shape = Ellipsoid(
            tuple(place),
            (half * random.uniform(1, 1.12), half * random.uniform(0.9, 1), 1.25 * half),
            random.uniform(0, 3),
        )
        window, chords = chest.solid(shape)
        # denser than tissue is: at 2 to 3 mm a pixel a true one would often be lost between the ribs
        fill(chest, chords.length(), window, 1.45)
        deposit.boxes.append(solid_box(chest, shape))
        deposit.details["size_mm"] = round(float(size), 1)
    return deposit


def mass(chest: Chest, request: FindingRequest, random: np.random.Generator) -> Deposit:
    """A lobulated opacity of 30 to 70 mm: three balls grown together."""
    deposit = Deposit()
    for side in sides_of(request):
        size = graded(request.severity, 37, 49, 62) + random.uniform(-3, 7)
        place = lung_place(chest, side, zone_span(chest, request.zone), random, 0.4 * size)
        body = np.zeros_like(chest.lung)
        half = 0.5 * size
        for part in range(3):
            away = random.normal(0, 0.25, 3) * half * (part > 0)
            radius = half * (0.86 if part == 0 else random.uniform(0.5, 0.72))
            axes = (radius, radius * random.uniform(0.85, 1.1), radius)
            _ball(chest, side, place + away, axes, random.uniform(0, 3), body)
        deposit.see(fill(chest, body * chest.sides[side], density=1.25))
        deposit.details["size_mm"] = round(float(size), 1)
    return deposit


def granuloma(chest: Chest, request: FindingRequest, random: np.random.Generator) -> Deposit:
    """A small ball of calcium, 7 to 11 mm."""
    deposit = Deposit()
    for side in sides_of(request):
        size = graded(request.severity, 7.5, 9.0, 10.5) + random.uniform(-0.5, 1.0)
        place = lung_place(chest, side, zone_span(chest, request.zone), random, 12)
        shape = Ellipsoid(tuple(place), (size / 2,) * 3)
        window, chords = chest.solid(shape)
        chest.bone[window] += np.float32(3.4) * chords.length()
        deposit.boxes.append(solid_box(chest, shape))
        deposit.details["size_mm"] = round(float(size), 1)
    return deposit


def emphysema(chest: Chest, request: FindingRequest, random: np.random.Generator) -> Deposit:
    """The large, dark lungs come from the anatomy; here the upper zones lose more tissue, and some bullae appear."""
    deposit = Deposit(details={"bullae": 0.0})
    _, y = chest.middle
    upper = ramp(y, 60.0, -40.0) * np.float32(graded(request.severity, 0.15, 0.25, 0.35))
    chest.soft -= chest.aerated * upper * np.float32(chest.anatomy.lung_density)
    for side in sides_of(request):
        for _ in range(int(graded(request.severity, 0, 1, 2))):
            place = lung_place(chest, side, zone_span(chest, "upper"), random, 15)
            half = random.uniform(12, 22) * chest.anatomy.scale
            window, chords = chest.solid(Ellipsoid(tuple(place), (half, half * 0.9, half)))
            length = np.minimum(chords.length(), chest.aerated[window])
            chest.aerated[window] -= length
            rim = ramp(length, 0.0, 6.0) * ramp(length, 18.0, 8.0)
            chest.soft[window] += np.float32(2.4) * rim - length * np.float32(chest.anatomy.lung_density)
            deposit.details["bullae"] += 1.0
        box = mask_box(lung_mask(chest, side))
        if box is not None:
            deposit.boxes.append(box)
    return deposit
