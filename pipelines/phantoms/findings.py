"""Which diseases a phantom has: requests, what makes them more likely together, and how often each is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from pipelines.phantoms.habitus import Habitus
from pipelines.phantoms.truth import FINDING_KINDS

SEVERITIES = ("mild", "moderate", "severe")
NORMAL_SHARE = 0.33
# relative weights of the first finding drawn: (PA, AP)
WEIGHTS = {
    "pleural effusion": (11, 12),
    "pneumothorax": (10, 9),
    "consolidation": (14, 13),
    "atelectasis": (14, 14),
    "edema": (9, 12),
    "nodule": (11, 6),
    "mass": (10, 6),
    "cardiomegaly": (13, 12),
    "aortic enlargement": (10, 7),
    "pleural thickening": (10, 7),
    "rib fracture": (7, 5),
    "support device": (7, 26),
    "emphysema": (15, 8),
    "calcified granuloma": (9, 6),
}
# how much more likely the second becomes where the first is already there
COMPANY = {
    ("edema", "cardiomegaly"): 5.0,
    ("edema", "pleural effusion"): 4.0,
    ("edema", "support device"): 1.5,
    ("edema", "emphysema"): 0.0,
    ("edema", "pneumothorax"): 0.3,
    ("cardiomegaly", "pleural effusion"): 2.5,
    ("cardiomegaly", "aortic enlargement"): 1.6,
    ("cardiomegaly", "emphysema"): 0.15,
    ("pleural effusion", "atelectasis"): 3.0,
    ("pleural effusion", "consolidation"): 1.6,
    ("pleural effusion", "pleural thickening"): 0.6,
    ("pleural effusion", "mass"): 1.3,
    ("pneumothorax", "rib fracture"): 5.0,
    ("pneumothorax", "emphysema"): 1.6,
    ("pneumothorax", "support device"): 2.0,
    ("mass", "nodule"): 1.8,
    ("mass", "emphysema"): 1.6,
    ("nodule", "emphysema"): 1.4,
    ("calcified granuloma", "pleural thickening"): 1.8,
    ("consolidation", "support device"): 1.3,
}
SIDED = {
    "pleural effusion": (0.38, 0.32, 0.30),
    "pneumothorax": (0.53, 0.47, 0.0),
    "consolidation": (0.5, 0.4, 0.1),
    "atelectasis": (0.38, 0.42, 0.2),
    "nodule": (0.53, 0.47, 0.0),
    "mass": (0.55, 0.45, 0.0),
    "pleural thickening": (0.42, 0.4, 0.18),
    "rib fracture": (0.48, 0.52, 0.0),
    "calcified granuloma": (0.52, 0.48, 0.0),
}
ZONES = {
    "consolidation": (("upper", "mid", "lower"), (0.25, 0.25, 0.5)),
    "nodule": (("upper", "mid", "lower"), (0.4, 0.35, 0.25)),
    "mass": (("upper", "mid", "lower"), (0.4, 0.35, 0.25)),
    "calcified granuloma": (("upper", "mid", "lower"), (0.45, 0.35, 0.2)),
    "pleural thickening": (("apical", "mid", "lower"), (0.4, 0.3, 0.3)),
    "rib fracture": (("upper", "mid", "lower"), (0.2, 0.5, 0.3)),
}
FIXED_ZONES = {
    "pleural effusion": "lower",
    "pneumothorax": "apical",
    "atelectasis": "lower",
    "edema": "perihilar",
    "aortic enlargement": "upper",
}
DEVICES = {
    "PA": (("pacemaker", 0.5), ("central venous catheter", 0.5)),
    "AP": (
        ("endotracheal tube", 0.26),
        ("central venous catheter", 0.28),
        ("nasogastric tube", 0.2),
        ("chest tube", 0.1),
        ("pacemaker", 0.16),
    ),
}

DRAINED = ("pneumothorax", "pleural effusion")


@dataclass(frozen=True, slots=True)
class FindingRequest:
    """A disease to put into a phantom; what is None is drawn."""

    kind: str
    side: str | None = None
    zone: str | None = None
    severity: str | None = None
    device: str | None = None

    def __post_init__(self) -> None:
        if self.kind not in FINDING_KINDS:
            raise ValueError(f"unknown kind of finding {self.kind!r}; expected one of {', '.join(FINDING_KINDS)}")
        if self.side not in (None, "right", "left", "bilateral"):
            raise ValueError(f"a side is 'right', 'left', 'bilateral' or None; found {self.side!r}")
        if self.severity not in (None, *SEVERITIES):
            raise ValueError(f"a severity is one of {', '.join(SEVERITIES)} or None; found {self.severity!r}")
        if self.zone not in (None, "apical", "upper", "mid", "lower", "perihilar"):
            raise ValueError(f"a zone is apical, upper, mid, lower, perihilar or None; found {self.zone!r}")
        devices = [name for name, _ in DEVICES["AP"]]
        if self.device is not None and self.device not in devices:
            raise ValueError(f"a device is one of {', '.join(devices)} or None; found {self.device!r}")


def draw_findings(habitus: Habitus, random: np.random.Generator) -> tuple[FindingRequest, ...]:
    """No finding in a third of the patients; else one to four that fit each other, the view and the age."""
    if random.random() < NORMAL_SHARE:
        return ()
    count = int(random.choice((1, 2, 3, 4), p=(0.25, 0.37, 0.25, 0.13)))
    weights = np.array([WEIGHTS[kind][habitus.view == "AP"] for kind in FINDING_KINDS], float)
    if habitus.age < 40:
        for kind in ("emphysema", "aortic enlargement", "mass"):
            weights[FINDING_KINDS.index(kind)] *= 0.3
    chosen: list[FindingRequest] = []
    for _ in range(count):
        kind = FINDING_KINDS[int(random.choice(len(FINDING_KINDS), p=weights / weights.sum()))]
        device = None
        if kind == "pneumothorax" and habitus.view == "AP" and random.random() < 0.35 and len(chosen) < 3:
            device = "chest tube"
        chosen.append(FindingRequest(kind))
        index = FINDING_KINDS.index(kind)
        weights[index] *= 0.5 if kind == "support device" and habitus.view == "AP" else 0.0
        for (one, other), factor in COMPANY.items():
            if kind in (one, other):
                weights[FINDING_KINDS.index(other if kind == one else one)] *= factor
        if device:
            chosen.append(FindingRequest("support device", device=device))
            weights[FINDING_KINDS.index("support device")] *= 0.5
        if len(chosen) >= count:
            break
    return tuple(chosen)


def complete(request: FindingRequest, habitus: Habitus, random: np.random.Generator) -> FindingRequest:
    """The request with side, zone, severity and device filled in where they mean something."""
    drawn = random.random(4)
    kind = request.kind
    side, zone, device = request.side, request.zone, request.device
    severity = request.severity or SEVERITIES[int(np.searchsorted((0.18, 0.62), drawn[0]))]
    if kind in SIDED:
        side = side or ("right", "left", "bilateral")[int(np.searchsorted(np.cumsum(SIDED[kind])[:2], drawn[1]))]
    elif kind in ("edema", "emphysema"):
        side = "bilateral"
    else:
        side = None
    if kind in ZONES:
        names, shares = ZONES[kind]
        zone = zone or names[int(np.searchsorted(np.cumsum(shares)[:-1], drawn[2]))]
    else:
        zone = FIXED_ZONES.get(kind)
    if kind == "support device":
        names, shares = zip(*DEVICES[habitus.view], strict=True)
        device = device or names[int(np.searchsorted(np.cumsum(shares)[:-1], drawn[3]))]
        usual, other = ("left", "right") if device == "pacemaker" else ("right", "left")
        side = request.side or (usual if drawn[1] < 0.7 else other)
    return replace(request, side=side, zone=zone, severity=severity, device=device)


def drained(asked: Sequence[FindingRequest], completed: Sequence[FindingRequest]) -> list[FindingRequest]:
    """The completed requests, with chest tubes of no side of their own on the side of what they drain."""
    sides = [one.side for kind in DRAINED for one in completed if one.kind == kind and one.side in ("right", "left")]
    return [
        replace(one, side=sides[0]) if sides and one.device == "chest tube" and wish.side is None else one
        for wish, one in zip(asked, completed, strict=True)
    ]
