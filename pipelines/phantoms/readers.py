"""Radiologists who read a phantom: three who disagree a little, as for VinDr-CXR's training images, or a consensus."""

from __future__ import annotations

import random
from dataclasses import dataclass

from chex.records import Box
from pipelines.phantoms.truth import PhantomImage, PlacedFinding

POOL = tuple(f"R{number}" for number in range(1, 18))
CONSENSUS = "consensus"

# VinDr-CXR's name for a finding, and the name a reader who sees it otherwise gives it; devices are not annotated
CLASSES = {
    "pleural effusion": ("Pleural effusion", "Pleural thickening"),
    "pneumothorax": ("Pneumothorax", "Pneumothorax"),
    "consolidation": ("Consolidation", "Lung Opacity"),
    "atelectasis": ("Atelectasis", "Lung Opacity"),
    "edema": ("Edema", "Lung Opacity"),
    "nodule": ("Nodule/Mass", "Other lesion"),
    "mass": ("Nodule/Mass", "Lung Opacity"),
    "cardiomegaly": ("Cardiomegaly", "Cardiomegaly"),
    "aortic enlargement": ("Aortic enlargement", "Aortic enlargement"),
    "pleural thickening": ("Pleural thickening", "Pleural thickening"),
    "rib fracture": ("Rib fracture", "Rib fracture"),
    "emphysema": ("Emphysema", "Emphysema"),
    "calcified granuloma": ("Calcification", "Nodule/Mass"),
}
MISSED = {"mild": 0.12, "moderate": 0.05, "severe": 0.01}
SEEN_OTHERWISE = 0.1
JITTER = 0.04  # standard deviation of an edge, in parts of the box's width or height


@dataclass(frozen=True, slots=True)
class Reading:
    """What one radiologist marked: (class name, box) pairs, and diagnoses of the whole image."""

    reader: str
    boxes: tuple[tuple[str, Box], ...]
    diagnoses: frozenset[str]


def three_readings(image: PhantomImage, seed: int) -> tuple[Reading, ...]:
    """Three independent readings, by different radiologists of the pool."""
    rng = random.Random(f"readers {seed}")
    return tuple(_reading(reader, image, rng, JITTER, MISSED) for reader in rng.sample(POOL, 3))


def consensus_reading(image: PhantomImage, seed: int) -> Reading:
    """The reading on which several radiologists agreed: nothing missed, every edge nearly where it is."""
    return _reading(CONSENSUS, image, random.Random(f"consensus {seed}"), JITTER / 4, {})


def _reading(reader: str, image: PhantomImage, rng: random.Random, jitter: float, missed: dict) -> Reading:
    boxes: list[tuple[str, Box]] = []
    diagnoses = set()
    for finding in image.findings:
        if finding.kind not in CLASSES or rng.random() < missed.get(finding.severity, 0):
            continue
        usual, otherwise = CLASSES[finding.kind]
        name = otherwise if missed and rng.random() < SEEN_OTHERWISE else usual
        boxes += [(name, _jittered(box, jitter, rng)) for box in finding.boxes]
        diagnoses |= _diagnoses(finding)
    return Reading(reader, tuple(boxes), frozenset(diagnoses))


def _diagnoses(finding: PlacedFinding) -> set[str]:
    if finding.kind == "consolidation" and finding.severity != "mild":
        return {"Pneumonia"}
    if finding.kind == "mass":
        return {"Lung tumor"}
    if finding.kind == "emphysema":
        return {"COPD"}
    return {"Other disease"} if finding.kind in ("cardiomegaly", "edema") and finding.severity == "severe" else set()


def _jittered(box: Box, jitter: float, rng: random.Random) -> Box:
    """The box with each edge moved a little, within the image and never turned inside out."""
    x_min, y_min, x_max, y_max = box
    wide, high = (x_max - x_min) * jitter, (y_max - y_min) * jitter
    x_min, x_max = (_within(rng.gauss(edge, wide)) for edge in (x_min, x_max))
    y_min, y_max = (_within(rng.gauss(edge, high)) for edge in (y_min, y_max))
    return (x_min, y_min, x_max, y_max) if x_min < x_max and y_min < y_max else box


def _within(edge: float) -> float:
    return min(max(edge, 0.0), 1.0)
