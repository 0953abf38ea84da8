"""A finding asked on one side: a prompt that names a side means the boxes there alone (ours, not the paper's)."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from chex.queries.drawing import draw_one, draw_some
from chex.queries.pathology import BOX_SET, boxes_of_findings, known_findings
from chex.queries.targets import PathologyTargets, padded_boxes
from chex.records import Annotations, Box
from chex.vocabulary import Vocabulary
from chex.vocabulary.located import SIDED, SIDES, lies_in_a_lung, sided

_MIDDLE = 0.1  # half the width of the strip whose boxes have no clear side: crops move the midline


def hinted_targets(
    annotations: Sequence[Annotations], vocabulary: Vocabulary, generator: torch.Generator, *, most_findings: int
) -> PathologyTargets | None:
    """Targets of the images with all boxes, for a draw of findings that one of them shows, each with a drawn side.

    On the other side a finding is absent. An image with a box of the finding near the midline says nothing about it.
    None where no image shows a finding of the lungs, or none is to be drawn.
    """
    values = [known_findings(a, vocabulary, (BOX_SET,)) for a in annotations]
    images = [i for i, known in enumerate(values) if known]
    boxes = {i: boxes_of_findings(annotations[i], vocabulary) for i in images}
    shown = {finding for i in images for finding in boxes[i] if lies_in_a_lung(vocabulary.findings[finding])}
    findings = draw_some([finding for finding in vocabulary.findings if finding in shown], most_findings, generator)
    if not findings:
        return None
    sides = [draw_one(SIDES, generator) for _ in findings]
    asked = [
        [_on(side, values[i].get(finding, -1), boxes[i].get(finding, ())) for finding, side in zip(findings, sides)]
        for i in images
    ]
    found, present = padded_boxes([[there or () for there in row] for row in asked])
    known = torch.tensor([[there is not None for there in row] for row in asked])
    return PathologyTargets(
        images=torch.tensor(images),
        findings=tuple(findings),
        prompts=tuple(
            sided(draw_one((term.box_prompt, *term.synonyms), generator), side, draw_one(SIDED, generator))
            for term, side in zip((vocabulary.findings[finding] for finding in findings), sides)
        ),
        boxes_cxcywh=found,
        present=present,
        boxed=known,
        values=torch.where(known, present.any(dim=-1).long(), -1),
    )


def _on(side: str, value: int, boxes: Sequence[Box]) -> list[Box] | None:
    """The boxes on the patient's side, which may be none; None where that is not known."""
    distances = [(box[0] + box[2]) / 2 - 0.5 for box in boxes]
    if value < 0 or (value == 1 and not boxes) or any(abs(distance) < _MIDDLE for distance in distances):
        return None
    # the patient's right is the image's left
    return [box for box, distance in zip(boxes, distances) if (distance < 0) == (side == "right")]
