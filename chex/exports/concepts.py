"""What was asked as coded concepts: SNOMED CT where the code means the same, a private scheme elsewhere."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from importlib import resources

from chex.records import Finding

SNOMED, PRIVATE = "SCT", "99CHEX"
PRIVATE_NAME = "Chex-Ray's findings and regions"


@dataclass(frozen=True, slots=True)
class Concept:
    scheme: str
    value: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Site:
    """A place of the body, and its side where it has one."""

    place: Concept
    side: Concept | None = None


_SIDES = {
    "right": Concept(SNOMED, "24028007", "Right"),
    "left": Concept(SNOMED, "7771000", "Left"),
    "both": Concept(SNOMED, "51440002", "Bilateral"),
}


def display_name(finding: Finding) -> str:
    """What was asked, to be read: "pleural effusion"."""
    return (finding.query.name or finding.query.text or "marked region").replace("_", " ").strip()


def concept_of(finding: Finding) -> Concept | None:
    """The finding that was asked for; None where a region was, or a box without words."""
    names = _names(finding)
    known = next((name for name in names if name in _codes()["findings"]), None)
    if known is not None:
        return _concept(known, _codes()["findings"][known])
    if names[0] in _codes()["regions"] or not (finding.query.name or finding.query.text):
        return None
    meaning = display_name(finding)
    return Concept(PRIVATE, "Q-" + hashlib.sha256(meaning.encode()).hexdigest()[:12], _shortened(meaning))


def sites_of(finding: Finding) -> tuple[Site, ...]:
    """The regions that the finding speaks about, each once."""
    regions = _codes()["regions"]
    sites = (
        Site(_concept(name, regions[name]), _SIDES.get(regions[name].get("side")))
        for name in _names(finding)
        if name in regions
    )
    return tuple(dict.fromkeys(sites))


def _names(finding: Finding) -> tuple[str, ...]:
    return (finding.query.name or finding.query.text or "", *finding.parents)


def _concept(name: str, entry: dict) -> Concept:
    if "snomed" in entry:
        return Concept(SNOMED, entry["snomed"], entry["meaning"])
    return Concept(PRIVATE, name, _shortened(entry["meaning"]))


def _shortened(meaning: str) -> str:
    """Code Meaning is an LO: 64 characters at most, without backslashes."""
    return " ".join(meaning.replace("\\", "/").split())[:64]


@cache
def _codes() -> dict:
    return json.loads(resources.files(__package__).joinpath("codes.json").read_text(encoding="utf-8"))
