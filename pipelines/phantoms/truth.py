"""What is known about a phantom: the pixels, where everything is, and what is wrong with the patient."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from chex.records import Box


@dataclass(frozen=True, slots=True)
class PlacedFinding:
    """One finding as it was put into the 3-D chest; the box is that of its projection."""

    kind: str  # one of FINDING_KINDS
    side: str | None  # "right", "left", "bilateral" or None where a side makes no sense
    zone: str | None  # "apical", "upper", "mid", "lower", "perihilar" or None
    severity: str  # "mild", "moderate" or "severe"
    boxes: tuple[Box, ...]  # relative to the image; one per separately visible part (bilateral: two)
    regions: tuple[str, ...]  # names of the Chest ImaGenome regions it touches
    details: dict[str, str | float] = field(default_factory=dict)  # {"size_mm": 12.0}, {"device": "endotracheal tube"}


@dataclass(frozen=True, slots=True)
class PhantomImage:
    """One frontal radiograph of a phantom and its truth.

    `pixels` are (H, W) uint16, 12 bit, in MONOCHROME2 sense (bone bright).
    """

    seed: int
    pixels: np.ndarray
    view: str  # "AP" or "PA"
    sex: str  # "F" or "M"
    age: int
    pixel_spacing_mm: float
    regions: dict[str, Box]  # the 29 regions of the vocabulary that lie (at least partly) in the image
    findings: tuple[PlacedFinding, ...]


FINDING_KINDS = (
    "pleural effusion",
    "pneumothorax",
    "consolidation",
    "atelectasis",
    "edema",
    "nodule",
    "mass",
    "cardiomegaly",
    "aortic enlargement",
    "pleural thickening",
    "rib fracture",
    "support device",
    "emphysema",
    "calcified granuloma",
)
