"""Made-up patients, and a session that knows all about them."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from chex.pixels import encode_stored
from chex.records import Annotations, Finding, PathologyBox, PathologyLabel, Region, Sample, ScoredBox, Study

NORMAL, EFFUSION = ("The lungs are clear.", "No pleural effusion."), ("There is a small right pleural effusion.",)


def sample(number: int, split: str) -> Sample:
    """Every third patient has an effusion, low in the right lung; the lung's box moves with the number."""
    sick, shift = number % 3 == 0, (number % 5) / 50
    lung, zone = (0.1 + shift, 0.1, 0.5 + shift, 0.8), (0.1 + shift, 0.5, 0.5 + shift, 0.8)
    present = ("cig/pleural effusion",) if sick else ()
    annotations = Annotations(
        sentences=EFFUSION if sick else NORMAL,
        anatomy=(Region("right lung", lung, (), present, True), Region("right lower lung zone", zone)),
        pathology_boxes=(PathologyBox("vindr/Pleural effusion", zone),) if sick else (),
        pathology_labels=(
            PathologyLabel("vindr/Pleural effusion", int(sick)),
            PathologyLabel("chexpert/Pleural Effusion", int(sick)),
            PathologyLabel("chexpert/Edema", -1),
        ),
    )
    study = Study("made-up", split, f"p{number}", f"s{number}", f"{split}{number}", "made/up.png")
    return Sample(study, annotations, encode_stored(np.full((8, 8), number, dtype=np.uint8)), 8, 8, 8, 8)


TRAIN, TEST = [sample(n, "train") for n in range(20)], [sample(n, "test") for n in range(12)]


class Oracle:
    """A session that knows the answers: the number of a sample is the brightness of its image."""

    def __init__(self, wrong_boxes: bool = False) -> None:
        self.reader = self.writer = self.reports = self
        self.wrong_boxes = wrong_boxes
        self.encoded, self.asked = 0, 0

    def encode(self, images):
        self.encoded += len(images)
        return [int(image[0, 0]) for image in images]

    def detect(self, features, queries, labels=()):
        self.asked += sum(map(len, queries))
        return [[self._answer(n, query, labels) for query in asked] for n, asked in zip(features, queries, strict=True)]

    def _answer(self, number, query, labels):
        truth = TEST[number].annotations
        boxes = {region.region: region.box for region in truth.anatomy}
        sick = query.name == "pleural_effusion" and bool(truth.pathology_boxes)
        box = truth.pathology_boxes[0].box if sick else boxes.get(query.name, (0.0, 0.0, 0.1, 0.1))
        if self.wrong_boxes:
            box = (0.9, 0.9, 1.0, 1.0)
        known = [region for region in truth.anatomy if region.box == query.box]
        probabilities = [(label, float(any(label in region.labels_present for region in known))) for label in labels]
        probabilities.append((query.name, 0.9 if sick else 0.1))
        score = 0.9 if sick else 0.1
        boxes = (ScoredBox(box, score),)
        return SimpleNamespace(number=number, query=query, boxes=boxes, probabilities=tuple(probabilities))

    def select(self, answers):
        return answers[:1]

    def describe(self, answers):
        return [[" ".join(TEST[found[0].number].annotations.sentences)] for found in answers]

    def compose(self, answers, sentences):
        return (Finding(answers[0].query, answers[0].boxes, sentences[0]),), sentences[0]
