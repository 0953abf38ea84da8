"""From path lengths to a 12-bit radiograph: attenuation, scatter, noise, collimation and the display curve."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from pipelines.phantoms.chest import Chest
from pipelines.phantoms.habitus import Habitus
from pipelines.phantoms.solids import ramp

# (share of the detected energy; attenuation per mm of water, of cortical bone, of metal): a hard and a soft half
SPECTRUM = {
    "PA": ((0.5, 0.0212, 0.048, 0.55), (0.5, 0.0172, 0.032, 0.25)),
    "AP": ((0.5, 0.0232, 0.064, 0.75), (0.5, 0.0186, 0.038, 0.32)),
}
QUANTA = 90000.0
FULL_SCALE = 4095


def expose(chest: Chest, habitus: Habitus, random: np.random.Generator) -> np.ndarray:
    """The radiograph as stored: (H, W) uint16, 12 bit, bone bright."""
    primary = _transmission(chest, habitus.view)
    dose = _with_scatter(chest, primary, habitus)
    dose = ndimage.gaussian_filter(dose, 0.45, truncate=2.5)
    level = QUANTA * habitus.exposure
    spread = np.sqrt(dose * np.float32(1 / level) + np.float32(2e-8))
    dose += spread * random.standard_normal(dose.shape, dtype=np.float32)
    density = -np.log(np.maximum(dose, np.float32(6e-4)))
    shown = _display(chest, density, habitus)
    shown *= _field(chest, habitus, random)
    _marker(shown, chest, random)
    return np.clip(np.rint(shown * FULL_SCALE), 0, FULL_SCALE).astype(np.uint16)


def _transmission(chest: Chest, view: str) -> np.ndarray:
    slant = np.sqrt(1 + chest.rays.xz**2 + chest.rays.yz**2)
    soft = np.maximum(chest.soft - chest.air, 0) * slant
    bone, metal = chest.bone * slant, chest.metal * slant
    primary = np.zeros_like(soft)
    for share, of_water, of_bone, of_metal in SPECTRUM[view]:
        path = soft * np.float32(-of_water)
        path -= bone * np.float32(of_bone - 0.4 * of_water)
        path -= metal * np.float32(of_metal)
        primary += np.float32(share) * np.exp(path)
    return primary


def _with_scatter(chest: Chest, primary: np.ndarray, habitus: Habitus) -> np.ndarray:
    """Scatter rises from where much is absorbed and much still arrives, and spreads over centimetres."""
    step = 4
    source = primary * np.minimum(chest.soft, 220) * np.float32(0.012)
    height, width = source.shape
    small = source[: height - height % step, : width - width % step]
    small = small.reshape(height // step, step, width // step, step).mean(axis=(1, 3))
    small = ndimage.gaussian_filter(small, 24.0 / (chest.beam.spacing * step), mode="nearest", truncate=2.5)
    rows = np.minimum((np.arange(height) + 0.5) / step - 0.5, small.shape[0] - 1)
    columns = np.minimum((np.arange(width) + 0.5) / step - 0.5, small.shape[1] - 1)
    smooth = _stretch(_stretch(small, rows).T, columns).T
    # the grid of the wall stand takes most of it away; at the bedside there is none
    return primary + np.float32(0.13 if habitus.view == "PA" else 0.2) * smooth


def _stretch(values: np.ndarray, places: np.ndarray) -> np.ndarray:
    low = np.clip(places.astype(int), 0, len(values) - 2)
    share = np.clip(places - low, 0, 1).astype(np.float32)[:, None]
    return values[low] * (1 - share) + values[low + 1] * share


def _display(chest: Chest, density: np.ndarray, habitus: Habitus) -> np.ndarray:
    """Histogram-driven window, a film-like curve, and the edge emphasis of computed radiography."""
    lit = chest.body[::4, ::4] > 60
    sampled = density[::4, ::4][lit]
    if sampled.size < 16:
        sampled = density.ravel()
    low, high = np.percentile(sampled, (4, 90))
    smooth = ndimage.uniform_filter(density, 13, mode="nearest")
    smooth = ndimage.uniform_filter(smooth, 7, mode="nearest")
    sharpened = density + np.float32(0.7) * np.clip(density - smooth, -0.5, 0.5)
    share = (sharpened - np.float32(low)) * np.float32(1 / max(high - low, 0.4))
    steep = np.float32(3.5 * habitus.contrast)
    share = 1 / (1 + np.exp(-steep * (share - np.float32(0.43 - habitus.brightness))))
    # direct exposure is black
    return np.clip((share - np.float32(0.1)) * np.float32(1 / 0.86), 0, 1) * ramp(density, 0.05, 0.5)


def _field(chest: Chest, habitus: Habitus, random: np.random.Generator) -> np.ndarray:
    """1 inside the collimated field, almost 0 outside, with soft edges."""
    left, top, right, bottom = habitus.collimation
    height, width = chest.beam.height, chest.beam.width
    columns, rows = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)
    across = np.ones(width, np.float32)
    down = np.ones(height, np.float32)
    if left:
        across *= ramp(columns, left * width - 1, left * width + 1)
    if right:
        across *= ramp(columns, (1 - right) * width + 1, (1 - right) * width - 1)
    if top:
        down *= ramp(rows, top * height - 1, top * height + 1)
    if bottom:
        down *= ramp(rows, (1 - bottom) * height + 1, (1 - bottom) * height - 1)
    return np.float32(0.03) + np.float32(0.97) * down[:, None] * across[None, :]


LETTERS = {"L": ("10000",) * 6 + ("11111",), "R": ("11110", "10001", "10001", "11110", "10100", "10010", "10001")}


def _marker(shown: np.ndarray, chest: Chest, random: np.random.Generator) -> None:
    """The lead letter near an upper corner: L on the patient's left (the image's right) or R on the other side."""
    letter = "L" if random.random() < 0.7 else "R"
    size = max(1, round(shown.shape[0] / 128))
    glyph = np.kron(np.array([[int(dot) for dot in row] for row in LETTERS[letter]]), np.ones((size, size)))
    height, width = shown.shape
    row = int(random.uniform(0.04, 0.14) * height)
    inset = int(random.uniform(0.03, 0.08) * width)
    column = width - inset - glyph.shape[1] if letter == "L" else inset
    place = shown[row : row + glyph.shape[0], column : column + glyph.shape[1]]
    np.maximum(place, glyph[: place.shape[0], : place.shape[1]] * 0.97, out=place)
