"""Heart, great vessels, airways and diaphragm of an anatomy as ellipsoids: one table for projection and for boxes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipelines.phantoms.anatomy import Anatomy


@dataclass(frozen=True, slots=True)
class Ellipsoid:
    """Centre and semi-axes in mm; the first axis is turned by `tilt` radians from x towards y."""

    centre: tuple[float, float, float]
    semi_axes: tuple[float, float, float]
    tilt: float = 0.0

    def extent(self) -> tuple[float, float]:
        """Half-extents along x and y."""
        a, b, _ = self.semi_axes
        cos, sin = np.cos(self.tilt), np.sin(self.tilt)
        return float(np.hypot(a * cos, b * sin)), float(np.hypot(a * sin, b * cos))


def heart_solids(anatomy: Anatomy) -> dict[str, Ellipsoid]:
    """The chambers that make the borders: right atrium, left ventricle, and the base with pulmonary trunk and auricle."""
    size = anatomy.heart
    base = anatomy.scale + 0.45 * (size - anatomy.scale)
    top = 30.0 * anatomy.scale
    # the apex rests on the left dome: a high diaphragm lifts and flattens the heart
    floor = min(anatomy.dome["right"], anatomy.dome["left"]) + 10 * anatomy.scale
    middle = min(max(66.0 * anatomy.scale, anatomy.dome["left"] - 42 * size), 94.0 * anatomy.scale, floor - 26 * size)
    shift = anatomy.mediastinal_shift + 0.6 * float(anatomy.spine_x(middle))
    tilt = anatomy.heart_drop
    return {
        "left ventricle": Ellipsoid((30 * size + shift, middle, 24.0), (63 * size, 45 * size, 66 * size), tilt),
        "right ventricle": Ellipsoid(
            (14 * size + shift, middle + 7 * size, 34.0), (46 * size, 43 * size, 52 * size), 0.15
        ),
        "right atrium": Ellipsoid(
            (-8 * size + shift, middle - 4 * size, 14.0), (33 * size, 45 * size, 74 * size), -0.1
        ),
        "base": Ellipsoid(
            (8 * base + shift, max(top, middle - 46 * base), 14.0), (33 * base, 46 * base, 56 * base), 0.25
        ),
    }


def vessel_solids(anatomy: Anatomy) -> dict[str, Ellipsoid]:
    """Ascending aorta, arch and superior vena cava; the descending aorta is a tube (see `descending_aorta`)."""
    scale, arch, shift = anatomy.scale, anatomy.arch * anatomy.scale, anatomy.mediastinal_shift
    widening = max(anatomy.arch - 1.0, 0.0) * scale
    return {
        "arch": Ellipsoid(
            (13 * scale + shift + 10 * widening, -24 * scale - 8 * widening, -8.0),
            (22 * arch, 18 * arch, 40 * arch),
            0.5,
        ),
        "ascending aorta": Ellipsoid(
            (-6 * scale + shift, 4 * scale, 14.0), ((21 + 14 * widening / scale) * scale, 44 * scale, 25 * scale), 0.12
        ),
        "svc": Ellipsoid((-20 * scale + shift, -14 * scale, 6.0), (10 * scale, 52 * scale, 10 * scale), 0.06),
    }


def descending_aorta(anatomy: Anatomy) -> tuple[np.ndarray, float]:
    """Centre line points (n, 3) and radius."""
    scale = anatomy.scale
    y = np.linspace(-22, 160, 24) * scale
    share = np.linspace(0, 1, 24)
    x = (21 - 13 * share) * scale + anatomy.unfolding * np.sin(np.pi * share) + anatomy.spine_x(y)
    return np.stack([x + anatomy.mediastinal_shift, y, np.full(24, -48.0 * scale)], axis=1), 11.5 * scale * anatomy.arch


def carina_point(anatomy: Anatomy) -> np.ndarray:
    scale = anatomy.scale
    return np.array([-1.0 * scale + anatomy.mediastinal_shift * 0.8 + float(anatomy.spine_x(0.0)), 2.0 * scale, -12.0])


def trachea_line(anatomy: Anatomy) -> np.ndarray:
    """Centre line from the larynx to the carina, pushed to the right by the arch; points (n, 3)."""
    carina = carina_point(anatomy)
    share = np.linspace(0, 1, 20)
    y = carina[1] - 150 * anatomy.scale * (1 - share)
    push = -(2.5 + 9 * max(anatomy.arch - 1, 0)) * np.exp(-(((y + 22 * anatomy.scale) / 22) ** 2))
    x = carina[0] * share + np.asarray(anatomy.spine_x(y)) * (1 - share) + push
    return np.stack([x, y, 4 - 16 * share], axis=1)


def bronchi_lines(anatomy: Anatomy) -> dict[str, np.ndarray]:
    """Centre lines of the main bronchi from the carina to the hila; the right one is steeper and shorter."""
    carina, scale = carina_point(anatomy), anatomy.scale
    ends = {"right": np.array([-30.0, 30.0, -6.0]) * scale, "left": np.array([42.0, 28.0, -6.0]) * scale}
    return {side: carina + np.linspace(0, 1, 12)[:, None] * end for side, end in ends.items()}


def hilum_points(anatomy: Anatomy) -> dict[str, np.ndarray]:
    """Where the vessels enter the lungs; the left hilum is the higher one."""
    scale, shift = anatomy.scale, anatomy.mediastinal_shift
    return {
        "right": np.array([-36 * scale + shift, 26 * scale, -4.0]),
        "left": np.array([39 * scale + shift, 15 * scale, -6.0]),
    }
