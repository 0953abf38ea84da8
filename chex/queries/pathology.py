"""Pathology tokens: is a finding there, and where (paper 3.2)."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from chex.queries.drawing import draw_one, draw_some
from chex.queries.targets import PathologyTargets, padded_boxes
from chex.records import Annotations, Box
from chex.vocabulary import Vocabulary

BOX_SET = "vindr"  # an image with labels of this set has all boxes of the set's findings


def pathology_targets(
    annotations: Sequence[Annotations], vocabulary: Vocabulary, generator: torch.Generator, *,
    label_sets: Sequence[str] = ("vindr",), unmentioned_absent: Sequence[str] = (), most_with_boxes: int = 10,
    most_with_labels: int = 10, vary_prompts: bool = True,
) -> PathologyTargets | None:  # fmt: skip
    """Targets of the images with labels of `label_sets`, for a draw of findings; None where there are none.

    In the sets of `unmentioned_absent` a finding without a label is absent where the image has other labels of the set:
    reports name few of the findings that are not there.
    """
    values = [known_findings(a, vocabulary, label_sets, unmentioned_absent) for a in annotations]
    images = [i for i, known in enumerate(values) if known]
    if not images:
        return None
    boxes = [boxes_of_findings(a, vocabulary) for a in annotations]
    boxable = {vocabulary.finding_of(label).id for label in vocabulary.labels_of(BOX_SET)}
    with_boxes = _ordered({finding for i in images for finding in boxes[i]}, vocabulary)
    drawn = draw_some(with_boxes, most_with_boxes, generator)
    others = _ordered({finding for i in images for finding in values[i]} - set(drawn), vocabulary)
    findings = drawn + draw_some(others, most_with_labels, generator)
    if not findings:
        return None
    terms = [vocabulary.findings[finding] for finding in findings]
    found, present = padded_boxes([[boxes[i].get(finding, ()) for finding in findings] for i in images])
    has_all_boxes = [any(label.label.startswith(f"{BOX_SET}/") for label in a.pathology_labels) for a in annotations]
    return PathologyTargets(
        images=torch.tensor(images),
        findings=tuple(findings),
        prompts=tuple(
            draw_one((t.box_prompt, *t.synonyms, *t.positive), generator) if vary_prompts else t.box_prompt
            for t in terms
        ),
        boxes_cxcywh=found,
        present=present,
        boxed=torch.tensor([[has_all_boxes[i] and finding in boxable for finding in findings] for i in images]),
        values=torch.tensor([[values[i].get(finding, -1) for finding in findings] for i in images]),
    )


def known_findings(
    annotations: Annotations, vocabulary: Vocabulary, label_sets: Sequence[str], unmentioned_absent: Sequence[str] = ()
) -> dict[str, int]:
    """Finding → 1 present or 0 absent, of what the labels know; where labels of several sets mean the same finding, present wins over absent."""
    known: dict[str, int] = {}
    labels = [label for label in annotations.pathology_labels if label.label.partition("/")[0] in label_sets]
    for label in labels:
        if label.value >= 0:
            finding = vocabulary.finding_of(label.label).id
            known[finding] = max(label.value, known.get(finding, 0))
    mentioned = {label.label for label in labels}
    for name in {label.partition("/")[0] for label in mentioned}.intersection(unmentioned_absent):
        for label in vocabulary.labels_of(name):
            if label not in mentioned:
                known.setdefault(vocabulary.finding_of(label).id, 0)
    return known


def boxes_of_findings(annotations: Annotations, vocabulary: Vocabulary) -> dict[str, list[Box]]:
    """Finding → its boxes (x_min, y_min, x_max, y_max)."""
    found: dict[str, list[Box]] = {}
    for box in annotations.pathology_boxes:
        found.setdefault(vocabulary.finding_of(box.label).id, []).append(box.box)
    return found


def _ordered(findings: set[str], vocabulary: Vocabulary) -> list[str]:
    return [finding for finding in vocabulary.findings if finding in findings]
