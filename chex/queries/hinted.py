"""Prompts that say more than a finding's name: the side it is on, or a report's own words (ours, not the paper's)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch

from chex.queries.drawing import draw_one, draw_some
from chex.queries.pathology import BOX_SET, boxes_of_findings, known_findings
from chex.queries.targets import PathologyTargets, padded_boxes
from chex.records import Annotations, Box
from chex.vocabulary import Vocabulary
from chex.vocabulary.located import SIDED, SIDES, Side, lies_in_a_lung, sided

_MIDDLE = 0.1  # half the width of the strip whose boxes have no clear side: crops move the midline


class Phrase(NamedTuple):
    """A text about one finding, and the patient's side that it names; None where it names none, or both."""

    text: str
    finding: str
    side: Side | None = None


def hinted_targets(
    annotations: Sequence[Annotations], vocabulary: Vocabulary, generator: torch.Generator, *, most_findings: int,
    phrases: Sequence[Phrase] = (), most_phrases: int = 0,
) -> PathologyTargets | None:  # fmt: skip
    """Targets of the images with all boxes, for findings that one of them shows: `most_findings` of the lungs on a drawn
    side, and one phrase each for `most_phrases` of those that `phrases` are about.

    A side means the boxes there alone: on the other side a finding is absent, and an image with a box of the finding near
    the midline says nothing about it. What else a phrase tells (how large, which lobe) is not looked at. None where
    nothing is to be asked.
    """
    values = [known_findings(a, vocabulary, (BOX_SET,)) for a in annotations]
    images = [i for i, known in enumerate(values) if known]
    boxes = {i: boxes_of_findings(annotations[i], vocabulary) for i in images}
    shown = {finding for i in images for finding in boxes[i]}
    ordered = [finding for finding in vocabulary.findings if finding in shown]
    asked = _on_a_side(ordered, vocabulary, generator, most_findings) + _said(ordered, phrases, generator, most_phrases)
    if not asked:
        return None
    targets = [
        [_on(side, values[i].get(finding, -1), boxes[i].get(finding, ())) for _, finding, side in asked] for i in images
    ]
    found, present = padded_boxes([[there or () for there in row] for row in targets])
    known = torch.tensor([[there is not None for there in row] for row in targets])
    return PathologyTargets(
        images=torch.tensor(images),
        findings=tuple(phrase.finding for phrase in asked),
        prompts=tuple(phrase.text for phrase in asked),
        boxes_cxcywh=found,
        present=present,
        boxed=known,
        values=torch.where(known, present.any(dim=-1).long(), -1),
    )


def _on_a_side(shown: Sequence[str], vocabulary: Vocabulary, generator, most: int) -> list[Phrase]:
    """A draw of the lungs' findings, each on a drawn side in a drawn wording."""
    findings = draw_some([name for name in shown if lies_in_a_lung(vocabulary.findings[name])], most, generator)
    sides = [draw_one(SIDES, generator) for _ in findings]
    terms = [vocabulary.findings[finding] for finding in findings]
    return [
        Phrase(sided(draw_one((term.box_prompt, *term.synonyms), generator), side, draw_one(SIDED, generator)), term.id, side)
        for term, side in zip(terms, sides)
    ]  # fmt: skip


def _said(shown: Sequence[str], phrases: Sequence[Phrase], generator, most: int) -> list[Phrase]:
    """A draw of the findings that phrases are about, and a drawn phrase of each."""
    by_finding: dict[str, list[Phrase]] = {}
    for phrase in dict.fromkeys(phrases):
        by_finding.setdefault(phrase.finding, []).append(phrase)
    drawn = draw_some([finding for finding in shown if finding in by_finding], most, generator)
    return [draw_one(by_finding[finding], generator) for finding in drawn]


def _on(side: Side | None, value: int, boxes: Sequence[Box]) -> list[Box] | None:
    """The boxes on the patient's side (None: on both), which may be none; None where that is not known."""
    if value < 0 or (value == 1 and not boxes):
        return None
    if side is None:
        return list(boxes)
    distances = [(box[0] + box[2]) / 2 - 0.5 for box in boxes]
    if any(abs(distance) < _MIDDLE for distance in distances):
        return None
    # the patient's right is the image's left
    return [box for box, distance in zip(boxes, distances) if (distance < 0) == (side == "right")]
