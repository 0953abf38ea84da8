"""Made-up patients with findings on one side or both, and sessions that follow hints, or do not."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from chex import vocabulary
from chex.pixels import encode_stored
from chex.records import Annotations, Finding, GroundedPhrase, PathologyBox, Region, Sample, ScoredBox, Study

LUNGS = {"right": (0.1, 0.1, 0.45, 0.8), "left": (0.55, 0.1, 0.9, 0.8)}
ZONES = {
    f"{side} {name} lung zone": (lung[0], low, lung[2], high)
    for side, lung in LUNGS.items()
    for name, low, high in (("upper", 0.1, 0.3), ("mid", 0.3, 0.5), ("lower", 0.5, 0.8))
}
EFFUSION = {"right": (0.1, 0.6, 0.3, 0.8), "left": (0.7, 0.55, 0.9, 0.8)}
NODULE = (0.2, 0.15, 0.3, 0.25)  # in the right upper zone


def sample(number: int, split: str) -> Sample:
    """Effusions on both sides; every second patient has a pneumonia in the right upper zone as well."""
    anatomy = tuple(Region(f"{side} lung", box) for side, box in LUNGS.items())
    anatomy += tuple(Region(name, box) for name, box in ZONES.items())
    alone = number % 2 == 0
    said = [GroundedPhrase("Bilateral pleural effusions", tuple(EFFUSION.values()), "ms-cxr/Pleural Effusion")]
    said += [GroundedPhrase("Right upper lobe pneumonia", (NODULE,), "ms-cxr/Pneumonia")] * alone
    annotations = Annotations(
        sentences=("There are bilateral pleural effusions.",) + ("There is pneumonia.",) * alone,
        anatomy=anatomy,
        # another source's drawings of the same boxes count once
        pathology_boxes=(PathologyBox("vindr/Pleural effusion", EFFUSION["right"]),),
        grounded=tuple(said),
    )
    study = Study("made-up", split, f"p{number}", f"s{number}", f"{split}{number}", "made/up.png")
    return Sample(study, annotations, encode_stored(np.full((8, 8), number, dtype=np.uint8)), 8, 8, 8, 8)


TRAIN, TEST = [sample(number, "train") for number in range(4)], [sample(number, "test") for number in range(6)]


class Listener:
    """Knows the findings of TEST, looks where the text says, and believes that what it does not find is not there."""

    def __init__(self) -> None:
        self.reader = self.writer = self.reports = self

    def encode(self, images):
        return [int(image[0, 0]) for image in images]

    def detect(self, features, queries, labels=()):
        return [
            [self.answer(number, query) for query in asked] for number, asked in zip(features, queries, strict=True)
        ]

    def answer(self, number, query):
        words = vocabulary.load()
        said = TEST[number].annotations.grounded
        boxes = [box for phrase in said for box in phrase.boxes if words.finding_of(phrase.label).id == query.name]
        box, there = self.look(query, boxes)
        # without a side, all places come to mind
        others = [other for other in boxes if other != box and not any(side in (query.text or "") for side in LUNGS)]
        shown = (ScoredBox(box, 0.8), *(ScoredBox(other, 0.7) for other in others if query.box is None))
        named = query.name if query.name in words.findings else None
        return SimpleNamespace(query=query, boxes=shown, probabilities=((named, 0.9 if there else 0.1),), there=there)

    def look(self, query, boxes):
        """The box, and whether the finding is there."""
        if query.box is not None:
            return query.box, query.box in boxes
        side = next((side for side in LUNGS if side in (query.text or "")), None)
        if side is None:
            return (boxes[0], True) if boxes else (LUNGS["right"], False)
        there = [box for box in boxes if (box[0] < 0.5) == (side == "right")]
        return (there[0], True) if there else (LUNGS[side], False)

    def describe(self, answers):
        return [[self.sentence(answer) for answer in found] for found in answers]

    def sentence(self, answer):
        finding = vocabulary.load().findings.get(answer.query.name)
        if finding is None:
            return ""
        return f"There is {finding.display}." if answer.there else f"No {finding.display}."

    def select(self, answers):
        return answers

    def compose(self, answers, sentences):
        found = [(a, s) for a, s in zip(answers, dict.fromkeys(sentences)) if s]
        findings = tuple(Finding(answer.query, answer.boxes, sentence) for answer, sentence in found)
        return findings, " ".join(sentence for _, sentence in found)


class Deaf(Listener):
    """The same, but for hints: it always finds the first place of the finding."""

    def look(self, query, boxes):
        return (boxes[0], True) if boxes else (LUNGS["right"], False)
