"""Around and inside the lungs: the body's outline, airways and bowel gas, and the unevenness of tissue."""

from __future__ import annotations

import numpy as np

from pipelines.phantoms.chest import Chest
from pipelines.phantoms.organs import Ellipsoid, bronchi_lines, trachea_line
from pipelines.phantoms.solids import interval_around, ramp
from pipelines.phantoms.strokes import tube
from pipelines.phantoms.texture import blotches


def body_thickness(chest: Chest, x: np.ndarray, level: np.ndarray) -> np.ndarray:
    """Outer body: trunk and neck, shoulders, arms, breasts."""
    anatomy, scale = chest.anatomy, chest.anatomy.scale
    ratio = x / chest.profiles.body_width[level]
    ratio *= ratio
    half = chest.profiles.body_depth[level] * np.sqrt(np.maximum(1 - ratio * (0.35 + 0.65 * ratio), 0))
    trunk = interval_around(np.float32(0), half, half > 0)
    stout = 0.8 * anatomy.wall
    top = anatomy.shoulder
    spread = 0.86 * anatomy.chest_half_width + 48 * scale
    apart = 14 * scale if chest.beam.toward > 0 else 0.0  # for a PA view the elbows are out
    limbs = []
    for sign in (-1.0, 1.0):
        limbs.append(
            Ellipsoid(
                (sign * spread, top - 52 * scale, -8.0),
                ((66 + 0.3 * stout) * scale, 46 * scale + 0.3 * stout, 62 * scale),
                sign * 0.42,
            )
        )
        limbs.append(
            Ellipsoid(
                (sign * (spread + 42 * scale + 0.5 * stout + apart), top + 75 * scale, -5.0),
                (140 * scale, 42 * scale + 0.45 * stout, 46 * scale + 0.4 * stout),
                np.pi / 2 - sign * 0.13,
            )
        )
    chest.enclose(trunk, limbs)
    body = trunk.length()
    if anatomy.breast:
        size = (0.7 + 0.45 * anatomy.breast) * scale
        for sign in (-1.0, 1.0):
            shape = Ellipsoid(
                (sign * 82 * scale, 92 * scale, 92 * scale),
                (72 * size, 56 * size, 60 * anatomy.breast * scale),
                sign * 0.25,
            )
            window, chords = chest.solid(shape)
            # it lies flat on the chest above and hangs over a fold below
            hang = ramp(chest.middle[1][window], 40 * scale, 135 * scale)
            body[window] += np.float32(0.5) * hang * chords.length()
    return body


def air_thickness(chest: Chest) -> np.ndarray:
    """Trachea, main bronchi, stomach bubble: air inside soft tissue."""
    anatomy, scale = chest.anatomy, chest.anatomy.scale
    air = np.zeros_like(chest.lung)
    tube(air, chest.beam, trachea_line(anatomy), 9.6 * scale, density=1.2, blur=0.2)
    for side, line in bronchi_lines(anatomy).items():
        tube(air, chest.beam, line, (6.4 if side == "right" else 5.8) * scale, density=1.1, blur=0.2)
    if anatomy.gastric_gas > 0.15:
        size = (0.5 + 0.5 * anatomy.gastric_gas) * scale
        shape = Ellipsoid(
            (62 * scale, anatomy.dome["left"] + 10 * scale + 15 * size, 18.0), (32 * size, 14 * size, 36 * size), 0.1
        )
        window, chords = chest.solid(shape)
        # upright, the bubble stands on the level of what was drunk
        level = shape.centre[1] + 7 * size
        air[window] += chords.length() * ramp(chest.middle[1][window], level + 1.5, level - 1.5)
    for x, below, size in anatomy.bowel_gas:
        loop = Ellipsoid(
            (x * scale, anatomy.dome["left"] + below * scale, 20.0), (1.5 * size, size, 1.6 * size), 0.4 * np.sin(x)
        )
        window, chords = chest.solid(loop)
        air[window] += 0.8 * chords.length()
    return air


def grain(chest: Chest) -> np.ndarray:
    """Unevenness that belongs to the patient: streaks of fat and muscle, and lung tissue finer than the vessels."""
    random = np.random.default_rng(chest.anatomy.grain)
    shape = chest.lung.shape
    coarse = blotches(shape, 30.0 / chest.beam.spacing, random) * chest.body
    fine = blotches(shape, 4.0 / chest.beam.spacing, random) * chest.lung
    return coarse * np.float32(0.012) + fine * np.float32(0.011)
