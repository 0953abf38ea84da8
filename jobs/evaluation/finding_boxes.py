"""Where findings are drawn in the train split: what one knows of a finding's place without looking at the image."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from chex import vocabulary
from chex.records import Annotations, Box, ScoredBox
from chex.vocabulary.located import SIDES
from jobs.evaluation.mean_box import MeanBox

Halves = tuple[MeanBox, MeanBox]  # boxes whose centre lies in the left half of the image, and in the right one
WHOLE_IMAGE = (0.0, 0.0, 1.0, 1.0)


class FindingBoxes:
    """Mean boxes per label, of the whole image and of its halves: the mean of two lungs' boxes would lie between them.

    A label without any training box borrows those of other sets that mean the same finding.
    """

    def __init__(self) -> None:
        self._words = vocabulary.load()
        self._seen: dict[str, Halves] = {}

    def learn(self, annotations: Annotations) -> None:
        for found in annotations.pathology_boxes:
            halves = self._seen.setdefault(found.label, (MeanBox(), MeanBox()))
            halves[(found.box[0] + found.box[2]) / 2 >= 0.5].add(found.box)

    def mean(self, label: str) -> list[ScoredBox]:
        """The mean box, with score 1; nothing where no box was seen."""
        both = _joined([half for halves in self._of(label) for half in halves])
        return [ScoredBox(both.box, 1.0)] if both.box else []

    def halves(self, label: str) -> list[ScoredBox]:
        """The mean boxes of the left and of the right half, each with its share of the boxes as its score."""
        sides = [_joined(half) for half in zip(*self._of(label), strict=True)]
        total = sum(side.count for side in sides)
        return [ScoredBox(side.box, side.count / total) for side in sides if side.box]

    def on_side(self, label: str | None, phrase: str) -> list[ScoredBox]:
        """The mean box in the half where the phrase says it is; the mean of all where it names no or both sides.

        The patient's right is in the left half. Never empty: an unseen finding is any of them, or the whole image.
        """
        told = [side for side, name in enumerate(SIDES) if re.search(rf"\b{name}\b", phrase.lower())]
        halves = self._of(label) or list(self._seen.values())
        if len(told) == 1:
            half = _joined([pair[told[0]] for pair in halves])
            if half.box:
                return [ScoredBox(half.box, 1.0)]
        both = _joined([half for pair in halves for half in pair])
        return [ScoredBox(both.box or WHOLE_IMAGE, 1.0)]

    def notes(self) -> dict[str, Any]:
        """JSON values, for `recall`."""
        return {label: [half.as_list() for half in halves] for label, halves in self._seen.items()}

    def recall(self, notes: Mapping[str, Sequence]) -> None:
        self._seen = {label: tuple(MeanBox.of(half) for half in halves) for label, halves in notes.items()}

    def _of(self, label: str | None) -> list[Halves]:
        if label is None or label in self._seen:
            return [self._seen[label]] if label else []
        return [self._seen[other] for other in self._words.finding_of(label).labels if other in self._seen]


def phrase_boxes(annotations: Annotations, labels: Sequence[str]) -> list[tuple[str, Box]]:
    """MS-CXR's boxes with the category of their phrase, if it is one of `labels`.

    Two phrases about one finding often share their boxes: each counts once.
    """
    said = [(phrase.label, box) for phrase in annotations.grounded for box in phrase.boxes]
    return [pair for pair in dict.fromkeys(said) if pair[0] in labels]


def _joined(means: Sequence[MeanBox]) -> MeanBox:
    joined = MeanBox()
    for mean in means:
        joined.join(mean)
    return joined


def by_label(entries: Sequence[Mapping]) -> dict[str, list[Box]]:
    """Boxes of a row, {"label": …, "box": …} each, by label."""
    grouped: dict[str, list[Box]] = {}
    for entry in entries:
        grouped.setdefault(entry["label"], []).append(tuple(entry["box"]))
    return grouped
