"""Who the phantom is and how the radiograph was taken: every draw that is not anatomy detail, disease or noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Habitus:
    """One patient in front of (or on) one detector; lengths in mm, angles in degrees."""

    sex: str  # "F" or "M"
    age: int
    view: str  # "AP" or "PA"
    supine: bool
    scale: float  # body size against the standard patient
    breadth: float  # chest width against its height
    fat: float  # 0 slim … 1 obese
    inspiration: float  # 0 expiration … 1 deep
    rotation: float  # about the long axis; positive turns the patient's front to the image's right
    tilt: float  # cranio-caudal beam angulation
    roll: float  # in the image plane
    shift: tuple[float, float]  # patient against the central ray, (right, down) in the image
    field: float  # length of the longer side of the detector field
    aspect: float  # height / width
    source_distance: float
    exposure: float  # relative detector dose
    contrast: float  # display contrast
    brightness: float  # display brightness shift
    collimation: tuple[float, float, float, float]  # covered share at left, top, right, bottom


STANDARD = Habitus(
    sex="M",
    age=50,
    view="PA",
    supine=False,
    scale=1.0,
    breadth=1.0,
    fat=0.3,
    inspiration=0.85,
    rotation=0.0,
    tilt=0.0,
    roll=0.0,
    shift=(0.0, 0.0),
    field=410.0,
    aspect=1.0,
    source_distance=1800.0,
    exposure=1.0,
    contrast=1.0,
    brightness=0.0,
    collimation=(0.0, 0.0, 0.0, 0.0),
)


def draw_habitus(random: np.random.Generator) -> Habitus:
    """A patient and an exposure; AP patients breathe less deeply, lie worse and are nearer to the source."""
    portable = random.random() < 0.42
    female = random.random() < 0.47
    supine = portable and random.random() < 0.5
    age = int(np.clip(random.normal(66 if portable else 54, 17), 18, 95))
    scale = float(np.clip(random.normal(0.93 if female else 1.03, 0.06), 0.78, 1.18))
    spread = 1.7 if portable else 1.0
    collimated = random.random() < 0.35
    covered = random.uniform(0.0, 0.07, 4) * (random.random(4) < 0.6) if collimated else np.zeros(4)
    fat = float(np.clip(random.beta(1.6, 2.4), 0, 1))
    return Habitus(
        sex="F" if female else "M",
        age=age,
        view="AP" if portable else "PA",
        supine=bool(supine),
        scale=scale,
        breadth=float(np.clip(random.normal(1.0, 0.07), 0.83, 1.2)),
        fat=fat,
        inspiration=float(np.clip(random.normal(0.5 if portable else 0.8, 0.16), 0.0, 1.1)),
        rotation=float(np.clip(random.normal(0, 2.6 * spread), -12, 12)),
        tilt=float(np.clip(random.normal(0, 2.0 * spread), -11, 11)),
        roll=float(np.clip(random.normal(0, 1.7 * spread), -8, 8)),
        shift=(float(random.normal(0, 6 * spread)), float(random.normal(0, 8 * spread))),
        field=float(np.clip(random.normal(400, 26), 330, 480) * (0.4 + 0.6 * scale)),
        aspect=float(np.clip(random.normal(0.9 if portable else 1.05, 0.09), 0.82, 1.22)),
        source_distance=float(random.uniform(1000, 1400) if portable else random.uniform(1750, 1900)),
        exposure=float(np.exp(random.normal(0, 0.35)) * (0.6 if portable else 1.0)),
        contrast=float(np.clip(random.normal(1.0, 0.13), 0.7, 1.35)),
        brightness=float(np.clip(random.normal(0, 0.05), -0.12, 0.12)),
        collimation=tuple(float(part) for part in covered),
    )
