"""What can be named in a chest radiograph: regions, findings, their prompts, and the datasets' label sets.

The content lies in the JSON files beside this one; a change of a prompt or a label is a new `version`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache
from importlib import resources


@dataclass(frozen=True, slots=True)
class RegionTerm:
    """An anatomical region, or (with `parts`) a pair of them under one name."""

    name: str  # as Chest ImaGenome spells it, "right lung"
    prompt: str
    synonyms: tuple[str, ...]
    side: str | None  # "right", "left" or None
    mirror: str  # the region on the opposite side, or itself
    parts: tuple[str, ...] = ()  # grouped regions only
    in_report: bool = False  # asked about in a full report


@dataclass(frozen=True, slots=True)
class FindingTerm:
    """A clinical concept, the prompts that ask for it, and the dataset labels that mean it."""

    id: str
    display: str
    synonyms: tuple[str, ...]
    positive: tuple[str, ...]
    negative: tuple[str, ...]
    box_prompt: str  # asks where it is
    labels: tuple[str, ...]  # "vindr/Pleural effusion", …


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """All terms, by name or id, in the order of the data files."""

    version: str
    regions: dict[str, RegionTerm]
    grouped: dict[str, RegionTerm]
    findings: dict[str, FindingTerm]
    sets: dict[str, tuple[str, ...]]
    aliases: dict[str, str]
    by_label: dict[str, FindingTerm] = field(repr=False)

    @property
    def label_sets(self) -> tuple[str, ...]:
        return tuple(self.sets)

    def labels_of(self, label_set: str) -> tuple[str, ...]:
        """The labels of one set ("vindr/Pleural effusion", …) in the dataset's own order."""
        try:
            return self.sets[label_set]
        except KeyError:
            raise ValueError(f"unknown label set {label_set!r}; there are {', '.join(self.sets)}") from None

    def canonical(self, label: str) -> str:
        """The one spelling of a label that datasets spell in several ways; ValueError if it is unknown."""
        found = self.aliases.get(label.strip(), label.strip())
        if found not in self.by_label:
            near = get_close_matches(found, (*self.by_label, *self.aliases), n=3, cutoff=0.5)
            hint = f"; near spellings: {', '.join(near)}" if near else ""
            raise ValueError(f"unknown label {label!r}, expected <set>/<name> as the dataset spells it{hint}")
        return found

    def finding_of(self, label: str) -> FindingTerm:
        """The concept a label stands for; ValueError naming near spellings if there is none."""
        return self.by_label[self.canonical(label)]


def _entries(file: str) -> dict:
    return json.loads(resources.files(__package__).joinpath(file).read_text(encoding="utf-8"))


def _term(kind: type, entry: dict):
    return kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in entry.items()})


@cache
def load() -> Vocabulary:
    """The vocabulary of this version of the project (read once)."""
    regions, findings, labels = _entries("regions.json"), _entries("findings.json"), _entries("label_sets.json")
    terms = [_term(FindingTerm, entry) for entry in findings["findings"]]
    return Vocabulary(
        version=findings["version"],
        regions={entry["name"]: _term(RegionTerm, entry) for entry in regions["regions"]},
        grouped={entry["name"]: _term(RegionTerm, entry) for entry in regions["grouped"]},
        findings={term.id: term for term in terms},
        sets={name: tuple(members) for name, members in labels["label_sets"].items()},
        aliases=dict(labels["aliases"]),
        by_label={label: term for term in terms for label in term.labels},
    )
