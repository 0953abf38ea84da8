"""Phantom truths drawn without an image: quick input for everything that only needs to know what is wrong where."""

from __future__ import annotations

import random

import numpy as np

from pipelines.phantoms.truth import FINDING_KINDS, PhantomImage, PlacedFinding

REGIONS = {
    "right lung": (0.10, 0.10, 0.45, 0.75),
    "right upper lung zone": (0.12, 0.12, 0.45, 0.35),
    "right mid lung zone": (0.10, 0.35, 0.45, 0.52),
    "right lower lung zone": (0.10, 0.52, 0.45, 0.75),
    "right hilar structures": (0.32, 0.35, 0.45, 0.55),
    "right apical zone": (0.18, 0.10, 0.42, 0.20),
    "right costophrenic angle": (0.10, 0.68, 0.18, 0.76),
    "right hemidiaphragm": (0.10, 0.62, 0.45, 0.76),
    "left lung": (0.55, 0.10, 0.90, 0.78),
    "left upper lung zone": (0.55, 0.12, 0.88, 0.35),
    "left mid lung zone": (0.55, 0.35, 0.90, 0.52),
    "left lower lung zone": (0.55, 0.52, 0.90, 0.78),
    "left hilar structures": (0.55, 0.35, 0.66, 0.55),
    "left apical zone": (0.58, 0.10, 0.82, 0.20),
    "left costophrenic angle": (0.82, 0.70, 0.90, 0.79),
    "left hemidiaphragm": (0.55, 0.64, 0.90, 0.79),
    "trachea": (0.46, 0.02, 0.54, 0.36),
    "spine": (0.44, 0.02, 0.56, 0.98),
    "right clavicle": (0.12, 0.10, 0.45, 0.20),
    "left clavicle": (0.55, 0.10, 0.88, 0.20),
    "aortic arch": (0.52, 0.28, 0.62, 0.38),
    "mediastinum": (0.36, 0.10, 0.70, 0.76),
    "upper mediastinum": (0.40, 0.10, 0.62, 0.38),
    "svc": (0.40, 0.25, 0.48, 0.42),
    "cardiac silhouette": (0.36, 0.45, 0.78, 0.76),
    "cavoatrial junction": (0.38, 0.44, 0.46, 0.50),
    "right atrium": (0.36, 0.48, 0.50, 0.70),
    "carina": (0.46, 0.34, 0.54, 0.40),
    "abdomen": (0.05, 0.70, 0.95, 1.00),
}
ZONES = {"apical": "apical zone", "upper": "upper lung zone", "mid": "mid lung zone", "lower": "lower lung zone"}
CENTRAL = {"cardiomegaly": ("cardiac silhouette", "mediastinum"), "aortic enlargement": ("aortic arch", "mediastinum")}
DEVICES = ("endotracheal tube", "nasogastric tube", "central venous catheter", "pacemaker")


def place(kind: str, side: str | None = None, zone: str | None = None, severity: str = "mild", **details):
    """A finding of `kind`, its regions and boxes those of the zone of REGIONS."""
    sides = {"bilateral": ("right", "left"), None: ()}.get(side, (side,))
    if kind in CENTRAL:
        return PlacedFinding(kind, None, None, severity, (REGIONS[CENTRAL[kind][0]],), CENTRAL[kind], details)
    if kind == "support device":
        regions = ("trachea", "carina", "mediastinum")
        return PlacedFinding(kind, None, None, severity, (REGIONS["trachea"],), regions, details)
    names = tuple(f"{s} {ZONES.get(zone or 'lower', 'hilar structures')}" for s in sides or ("right", "left"))
    lungs = tuple(f"{s} lung" for s in sides or ("right", "left"))
    angles = tuple(f"{s} costophrenic angle" for s in sides) if kind == "pleural effusion" else ()
    boxes = tuple(REGIONS[name] for name in names)
    return PlacedFinding(kind, side, zone, severity, boxes, names + lungs + angles, details)


def phantom(*findings: PlacedFinding, seed: int = 0, view: str = "PA", sex: str = "F", size=(96, 80)) -> PhantomImage:
    """An image of noise (height, width) with every region and the findings given."""
    pixels = np.random.default_rng(seed).integers(0, 4096, size, dtype=np.uint16)
    return PhantomImage(seed, pixels, view, sex, 20 + seed % 70, 1.4, dict(REGIONS), tuple(findings))


def any_phantom(seed: int) -> PhantomImage:
    """A phantom with none to five findings of any kind, side, zone and severity."""
    rng = random.Random(seed)
    kinds = rng.sample(FINDING_KINDS, rng.choice((0, 0, 1, 2, 3, 5)))
    findings = []
    for kind in kinds:
        side = None if kind in ("edema", "emphysema") else rng.choice(("right", "left", "bilateral"))
        side = rng.choice(("right", "left")) if kind in ("nodule", "mass", "calcified granuloma") else side
        zone = {"pleural effusion": "lower", "pneumothorax": "apical", "edema": None, "emphysema": None}.get(
            kind, rng.choice(("apical", "upper", "mid", "lower", "perihilar", None))
        )
        details: dict = {"device": rng.choice(DEVICES)} if kind == "support device" else {}
        details |= {"size_mm": rng.uniform(5, 60)} if kind in ("nodule", "mass") else {}
        findings.append(place(kind, side, zone, rng.choice(("mild", "moderate", "severe")), **details))
    return phantom(*findings, seed=seed, view=rng.choice(("AP", "PA")), sex=rng.choice("FM"))
