"""The parametric chest: where every organ of one patient is, in mm (see beam.py for the axes).

Diseases that change shapes (a large heart, flat diaphragms, a wide aorta) change these numbers before anything is
projected; everything else is added to the projected volume afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipelines.phantoms.habitus import Habitus

SIDES = ("right", "left")
SIGN = {"right": -1.0, "left": 1.0}
LEVEL_START, LEVEL_STEP = -520.0, 0.5
LEVELS = np.arange(LEVEL_START, 560.0, LEVEL_STEP, dtype=np.float32)


@dataclass
class Anatomy:
    """Shape parameters of one patient; `scale` multiplies the standard patient's lengths."""

    scale: float
    chest_half_width: float
    chest_half_depth: float
    apex: float  # level of the lung apices
    sulcus: dict[str, float]  # level of the costophrenic angles
    dome: dict[str, float]  # level of the hemidiaphragms' tops
    heart: float  # size factor of the heart
    heart_drop: float  # how vertical the heart lies, radians of its long axis
    mediastinum: float  # width factor
    mediastinal_shift: float
    arch: float  # size factor of the aortic knob
    unfolding: float  # how far the descending aorta bows to the left, mm
    lung_density: float
    rib_phase: float
    rib_pitch: float
    rib_slope: float
    scoliosis: float
    scoliosis_phase: float
    wall: float  # thickness of the chest wall at the side
    wall_depth: float
    shoulder: float  # level of the shoulders against the standard
    clavicle_rise: float
    breast: float
    bone: float  # bone mineral factor
    gastric_gas: float
    bowel_gas: tuple[tuple[float, float, float], ...]  # x, distance below the left dome, size in mm
    vessel_calibre: float
    upper_vessels: float  # calibre of upper against lower zone vessels
    grain: int  # seed of the tissue's unevenness

    def spine_x(self, y: np.ndarray | float) -> np.ndarray | float:
        return self.scoliosis * np.sin(np.asarray(y) / (85.0 * self.scale) + self.scoliosis_phase)

    def chest_share(self, y: np.ndarray | float) -> np.ndarray:
        """0 at the apices … 1 at the deeper costophrenic angle."""
        return (np.asarray(y) - self.apex) / (max(self.sulcus.values()) - self.apex)


def draw_anatomy(habitus: Habitus, random: np.random.Generator) -> Anatomy:
    """The patient's organs; every number varies about a healthy adult's."""
    scale, deep = habitus.scale, habitus.inspiration
    old = max(0.0, (habitus.age - 45) / 45)
    normal = random.normal
    right_dome = (70 + 45 * deep + normal(0, 6)) * scale
    left_dome = right_dome + float(np.clip(normal(12, 6), -4, 26)) * scale
    sulcus = (132 + 34 * deep + normal(0, 5)) * scale
    heart = float(np.clip(normal(0.96, 0.055), 0.82, 1.06)) * (1.0 + 0.03 * (habitus.view == "AP"))
    return Anatomy(
        scale=scale,
        chest_half_width=(139 + normal(0, 4)) * scale * habitus.breadth,
        chest_half_depth=(86 + 6 * old + normal(0, 5)) * scale,
        apex=-(92 + normal(0, 6) + 4 * deep) * scale,
        sulcus={"right": sulcus, "left": sulcus + float(normal(4, 4)) * scale},
        dome={"right": right_dome, "left": left_dome},
        heart=heart * scale,
        heart_drop=float(np.clip(0.5 + 0.28 * deep - 0.2 * habitus.fat + normal(0, 0.07), 0.35, 0.95)),
        mediastinum=float(np.clip(1 + 0.1 * habitus.fat + 0.1 * (not deep > 0.4) + normal(0, 0.07), 0.8, 1.35)),
        mediastinal_shift=float(normal(0, 1.5)),
        arch=float(np.clip(0.9 + 0.16 * old + normal(0, 0.06), 0.75, 1.15)),
        unfolding=float(np.clip(3 * old + normal(0, 1.5), -2, 7)) * scale,
        lung_density=float(np.clip(0.27 - 0.05 * deep + normal(0, 0.015), 0.18, 0.32)),
        rib_phase=float(normal(0, 3)) * scale,
        rib_pitch=(20.5 + 1.5 * deep + normal(0, 0.7)) * scale,
        rib_slope=float(np.clip(normal(1.0, 0.13), 0.65, 1.4)),
        scoliosis=float(normal(0, 2.2 + 2.5 * old)),
        scoliosis_phase=float(random.uniform(0, 6.28)),
        wall=(17 + 34 * habitus.fat**1.3 + 5 * (habitus.sex == "M")) * scale,
        wall_depth=(13 + 34 * habitus.fat**1.3) * scale,
        shoulder=float(normal(0, 6) - 8 * (habitus.view == "AP")) * scale,
        clavicle_rise=float(normal(18, 6) + 6 * (habitus.view == "AP")) * scale,
        breast=(float(random.uniform(0.35, 1.0)) * (0.55 + 0.6 * habitus.fat) if habitus.sex == "F" else 0.0),
        bone=float(np.clip(normal(1.0, 0.1) - 0.25 * old * (1.3 if habitus.sex == "F" else 0.7), 0.55, 1.2)),
        gastric_gas=float(np.clip(normal(0.5, 0.4), 0, 1.2)),
        bowel_gas=tuple(
            (float(random.uniform(15, 105)), float(random.uniform(45, 110)), float(random.uniform(7, 17)))
            for _ in range(int(random.integers(0, 5)))
        ),
        vessel_calibre=float(np.clip(normal(1.0, 0.1), 0.8, 1.25)),
        upper_vessels=float(np.clip(normal(0.95 if habitus.supine else 0.72, 0.08), 0.5, 1.1)),
        grain=int(random.integers(2**31)),
    )


@dataclass(frozen=True, slots=True)
class Profiles:
    """Half-widths and half-depths by level (one value per entry of LEVELS), looked up per pixel."""

    chest_width: np.ndarray
    chest_depth: np.ndarray
    body_width: np.ndarray
    body_depth: np.ndarray
    mediastinum_right: np.ndarray
    mediastinum_left: np.ndarray
    spine: np.ndarray

    @staticmethod
    def index(y: np.ndarray) -> np.ndarray:
        places = (y - np.float32(LEVEL_START)) * np.float32(1 / LEVEL_STEP)
        return np.clip(places, 0, len(LEVELS) - 1).astype(np.int32)


def profiles_of(anatomy: Anatomy) -> Profiles:
    """Tabulates the outlines of chest wall, body and mediastinum."""
    scale = anatomy.scale
    share = anatomy.chest_share(LEVELS)
    cap = np.clip(share / 0.16, 0, 1)
    cap = np.sqrt(cap * (2 - cap))
    width = anatomy.chest_half_width * (0.50 + 0.50 * np.clip(share, 0, 1.1) ** 0.5) * cap
    depth = anatomy.chest_half_depth * (0.56 + 0.44 * np.clip(share * 1.7, 0, 1)) * cap
    base = anatomy.chest_half_width
    levels = np.array([-400, -140, -116, -100, -88, -74, -50, -20, 30, 100, 170, 240, 400]) * scale
    levels[1:7] += anatomy.shoulder
    wall = anatomy.wall
    body_width = [56, 56, 62, 82, 112, 142, 155, 0.8 * base + wall + 16, 0.86 * base + wall + 8,
                  0.95 * base + wall, base + wall, base + 1.15 * wall, base + 1.3 * wall]  # fmt: skip
    thick = anatomy.chest_half_depth + anatomy.wall_depth
    body_depth = [58, 57, 62, 68, 74, 80, 0.82 * thick, 0.95 * thick, thick, thick, thick * 1.02, thick * 1.05, thick]
    neck = np.array([1, 1, 1, 1, 1, 1, 1] + [0] * 6) * (scale * (1 + 0.06 * wall / 12) - 1) + 1
    marks = np.array([-200, -95, -80, -60, -20, 10, 40, 80, 170]) * scale
    right = np.array([110, 45, 31, 25, 23, 24, 20, 16, 16]) * scale * anatomy.mediastinum
    left = np.array([110, 46, 32, 25, 24, 25, 22, 17, 16]) * scale * anatomy.mediastinum
    as_float = np.float32
    return Profiles(
        chest_width=width.astype(as_float),
        chest_depth=depth.astype(as_float),
        body_width=np.interp(LEVELS, levels, np.array(body_width) * neck).astype(as_float),
        body_depth=np.interp(LEVELS, levels, np.array(body_depth) * neck).astype(as_float),
        mediastinum_right=np.interp(LEVELS, marks, right).astype(as_float),
        mediastinum_left=np.interp(LEVELS, marks, left).astype(as_float),
        spine=np.asarray(anatomy.spine_x(LEVELS)).astype(as_float),
    )
