"""What became of the images of a part, of many parts, of a whole archive: the same few numbers."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field

MOST_REASONS = 200  # told apart; some reasons quote what was found, and no two of those are alike
OTHER_REASONS = "other reasons, each of them in its row"


@dataclass(slots=True)
class Counts:
    """`labels`: how many reports state each finding; `normal`: how many state none, and say so."""

    reported: int = 0
    normal: int = 0
    not_reported: Counter[str] = field(default_factory=Counter)
    quarantined: Counter[str] = field(default_factory=Counter)
    not_exported: Counter[str] = field(default_factory=Counter)
    labels: Counter[str] = field(default_factory=Counter)

    @property
    def images(self) -> int:
        return self.reported + self.not_reported.total() + self.quarantined.total()

    def add(self, other: Counts) -> None:
        self.reported += other.reported
        self.normal += other.normal
        for name in ("not_reported", "quarantined", "not_exported", "labels"):
            _add(getattr(self, name), getattr(other, name))

    def to_json(self) -> str:
        return json.dumps(self.summary(), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str | bytes) -> Counts:
        found = json.loads(text)
        counted = {name: Counter(found[name]) for name in ("not_reported", "quarantined", "not_exported", "labels")}
        return cls(found["reported"], found["normal"], **counted)

    def summary(self) -> dict:
        """As it stands in summary.json, the most frequent first."""
        return {
            "images": self.images,
            "reported": self.reported,
            "not_reported": _ranked(self.not_reported),
            "not_exported": _ranked(self.not_exported),
            "quarantined": _ranked(self.quarantined),
            "labels": _ranked(self.labels),
            "normal": self.normal,
        }


def _add(counter: Counter[str], other: Counter[str]) -> None:
    for reason, count in other.items():
        known = reason in counter or len(counter) < MOST_REASONS
        counter[reason if known else OTHER_REASONS] += count


def _ranked(counter: Counter[str]) -> dict[str, int]:
    return dict(sorted(counter.items(), key=lambda item: (-item[1], item[0])))
