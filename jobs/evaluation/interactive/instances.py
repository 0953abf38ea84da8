"""Findings of one lung or both: every true box of an image by its finding, whatever data set drew it."""

from __future__ import annotations

from dataclasses import dataclass

from chex import vocabulary
from chex.records import Annotations, Box
from chex.vocabulary import FindingTerm
from chex.vocabulary.located import SIDES, Side, lies_in_a_lung

_LEAST_SHARE = 0.75  # of a box's width that lies on its side of the image's midline


@dataclass(frozen=True, slots=True)
class Instance:
    """One place of a finding. phrase: what a report says about it, where that is known."""

    finding: FindingTerm
    box: Box
    phrase: str | None = None

    @property
    def side(self) -> Side | None:
        """The patient's side; None for a box in the middle, and for findings that no lung has."""
        return side_of(self.box) if lies_in_a_lung(self.finding) else None


def side_of(box: Box) -> Side | None:
    """The patient's right is the image's left; None where less than three quarters of the width are on one side."""
    x_min, _, x_max, _ = box
    on_right = (min(x_max, 0.5) - min(x_min, 0.5)) / max(x_max - x_min, 1e-9)
    if on_right >= _LEAST_SHARE:
        return "right"
    return "left" if on_right <= 1 - _LEAST_SHARE else None


def instances_of(annotations: Annotations) -> list[Instance]:
    """Each box of a finding once; a box that a phrase describes comes with the first such phrase."""
    words = vocabulary.load()
    found: dict[tuple[str, Box], Instance] = {}
    for said in annotations.grounded:
        if said.label is not None:
            finding = words.finding_of(said.label)
            for box in said.boxes:
                found.setdefault((finding.id, box), Instance(finding, box, said.phrase))
    for drawn in annotations.pathology_boxes:
        finding = words.finding_of(drawn.label)
        found.setdefault((finding.id, drawn.box), Instance(finding, drawn.box))
    return list(found.values())


def on_both_sides(instances: list[Instance]) -> list[tuple[Instance, Instance]]:
    """(right, left) of every finding that has exactly one box on either side, and none in the middle."""
    pairs = []
    for some in _by_finding(instances):
        sides = {instance.side: instance for instance in some}
        if len(some) == 2 and set(sides) == set(SIDES):
            pairs.append((sides["right"], sides["left"]))
    return pairs


def on_one_side(instances: list[Instance]) -> list[Instance]:
    """The instance of every finding that has exactly one box, and that on a side."""
    return [some[0] for some in _by_finding(instances) if len(some) == 1 and some[0].side]


def _by_finding(instances: list[Instance]) -> list[list[Instance]]:
    grouped: dict[str, list[Instance]] = {}
    for instance in instances:
        grouped.setdefault(instance.finding.id, []).append(instance)
    return list(grouped.values())
