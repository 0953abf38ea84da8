"""Diseases between lung and chest wall: effusion, pneumothorax, pleural thickening."""

from __future__ import annotations

import numpy as np

from pipelines.phantoms.chest import Chest, cavity_wall
from pipelines.phantoms.deposit import Deposit, fill
from pipelines.phantoms.disease_shapes import graded, sides_of
from pipelines.phantoms.findings import FindingRequest
from pipelines.phantoms.solids import ramp
from pipelines.phantoms.texture import blotches


def effusion(chest: Chest, request: FindingRequest, random: np.random.Generator) -> Deposit:
    """Upright: fluid up to a meniscus that climbs along the wall. Supine: a veil that thickens towards the base."""
    deposit, anatomy, scale = Deposit(), chest.anatomy, chest.anatomy.scale
    x, y = chest.middle
    supine = chest.supine
    aside = np.abs(x) / np.float32(anatomy.chest_half_width)
    for side in sides_of(request):
        sulcus, dome = anatomy.sulcus[side], anatomy.dome[side]
        base = 0.5 * (sulcus + dome)
        height = (graded(request.severity, 48, 68, 112) + random.uniform(-5, 8)) * scale
        if supine:
            share = ramp(y, base - 2.4 * height, base) * np.float32(graded(request.severity, 0.22, 0.34, 0.48))
            share = np.maximum(share, ramp(y, sulcus - 0.5 * height, sulcus - 0.3 * height) * np.float32(0.85))
        else:
            # a little fluid blunts the angle first; much of it hides the dome as well
            lowest = np.float32(graded(request.severity, 0.2, 0.45, 0.5))
            climb = aside * aside * aside
            level = np.float32(sulcus) - np.float32(height) * (lowest + (np.float32(1.12) - lowest) * climb)
            share = ramp(y - level, -9.0 * scale, 9.0 * scale) * np.float32(0.95)
        share = share * (1 + np.float32(0.03) * blotches(share.shape, 12.0, random))
        deposit.see(fill(chest, chest.aerated * share * chest.sides[side]), share=0.3)
    deposit.details["position"] = "supine" if supine else "upright"
    return deposit


def _shrunken(chest: Chest, gap: float, inset: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Share of each ray's cavity that a lung drawn in by `gap` mm still takes, its length, and its rim (mm)."""
    back = cavity_wall(chest, front=False, margin=-gap, inset=inset)
    front = cavity_wall(chest, front=True, margin=-gap, inset=inset)
    length = np.where((back.lift > 0) & (front.lift > 0), front.z - back.z, 0)
    whole = chest.cavity.length()
    share = np.clip(length / np.maximum(whole, 1), 0, 1)
    # where the surface runs along the ray, the thin pleura is crossed lengthwise
    lift = np.maximum(0.5 * (back.lift + front.lift), 0.12)
    ratio = (front.x / np.maximum(front.width, 1)) ** 2
    rim = np.where(length > 0, np.minimum(front.depth * ratio / (np.maximum(front.width, 20) * lift), 8), 0)
    return share, whole - length, rim


def pneumothorax(chest: Chest, request: FindingRequest, random: np.random.Generator) -> Deposit:
    """The lung sinks away from the wall: air without vessels outside, a thin pleural line, a denser lung inside."""
    deposit, anatomy = Deposit(), chest.anatomy
    for side in sides_of(request):
        gap = (graded(request.severity, 13, 24, 42) + random.uniform(-2, 4)) * anatomy.scale
        share, _, rim = _shrunken(chest, gap, 0.9 * gap)
        mask = chest.sides[side]
        _, y = chest.middle
        if request.severity == "mild":
            # a small one collects at the top
            low = 30 * anatomy.scale
            share = 1 - (1 - share) * ramp(y, low + 35, low)
            rim = rim * ramp(y, low, low - 25)
        lost = chest.aerated * ((1 - share) * mask)
        chest.aerated -= lost
        chest.soft -= lost * np.float32(anatomy.lung_density)
        denser = np.float32(graded(request.severity, 0.1, 0.35, 0.8) * anatomy.lung_density)
        chest.soft += chest.aerated * (mask * denser) + rim * ramp(chest.aerated, 0, 20) * (mask * np.float32(1.8))
        outside = lost * (share < 0.25) * np.float32(anatomy.lung_density)
        deposit.see(outside, share=0.1)
        deposit.details["gap_mm"] = round(float(gap), 1)
    return deposit


def thickening(chest: Chest, request: FindingRequest, random: np.random.Generator) -> Deposit:
    """A rind of soft tissue along the lateral wall, or a cap over the apex."""
    deposit, anatomy = Deposit(), chest.anatomy
    scale = anatomy.scale
    for side in sides_of(request):
        rind = (graded(request.severity, 8, 12, 17) + random.uniform(-1, 1.5)) * scale
        apical = request.zone == "apical"
        _, missing, _ = _shrunken(chest, rind, 1.6 * rind if apical else 0.0)
        _, y = chest.middle
        if apical:
            extent = ramp(y, anatomy.apex + 46 * scale, anatomy.apex + 30 * scale)
        else:
            centre = {"upper": -10.0, "mid": 45.0}.get(request.zone, 92.0) * scale
            half = random.uniform(28, 46) * scale
            extent = ramp(np.abs(y - np.float32(centre)), half + 10, half - 6)
        rough = 1 + np.float32(0.15) * blotches(y.shape, 6.0, random)
        seen = fill(chest, np.maximum(missing * rough - 2.0 * rind, 0) * extent * chest.sides[side])
        deposit.see(seen, share=0.25)
        deposit.details["thickness_mm"] = round(float(rind), 1)
    return deposit
