"""Made-up patients with everything that the tasks ask for, and sessions that know all about them, or nothing."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from chex import vocabulary
from chex.pixels import encode_stored
from chex.records import (
    Annotations,
    Box,
    Finding,
    GroundedPhrase,
    PathologyBox,
    PathologyLabel,
    Query,
    Region,
    Sample,
    ScoredBox,
    Study,
)
from jobs.evaluation.predicting import predict_batch
from jobs.evaluation.task import SpreadOf
from jobs.evaluation.tasks import create

NOWHERE = (0.0, 0.9, 0.05, 1.0)
_LUNGS = {"right": (0.1, 0.1, 0.45, 0.8), "left": (0.55, 0.1, 0.9, 0.8)}
_HEART = (0.35, 0.5, 0.7, 0.85)


def moved(box: Box, shift: float) -> Box:
    return tuple(round(side + shift, 4) for side in box)


def sample(number: int, split: str) -> Sample:
    """Patients in turn have an effusion on the right, one on the left, a large heart, or nothing."""
    kind, shift = ("right", "left", "heart", "none")[number % 4], (number % 5) / 100
    lungs = {side: moved(box, shift) for side, box in _LUNGS.items()}
    heart = moved(_HEART, shift)
    sentence = {
        "heart": "The heart is enlarged.",
        "none": "The lungs are clear.",
    }.get(kind, f"There is a {kind} pleural effusion.")
    effusion = lungs.get(kind)
    low = effusion and (effusion[0], 0.5, effusion[2], effusion[3])
    finding = {"right": "Effusion", "left": "Effusion", "heart": "Cardiomegaly"}.get(kind)
    spelled = {"Effusion": ("vindr/Pleural effusion", "nih/Effusion", "ms-cxr/Pleural Effusion", "cig/pleural effusion"),
               "Cardiomegaly": ("vindr/Cardiomegaly", "nih/Cardiomegaly", "ms-cxr/Cardiomegaly",
                                "cig/enlarged cardiac silhouette")}.get(finding)  # fmt: skip
    box = low or heart
    regions = tuple(
        Region(f"{side} lung", lung, (sentence,) if kind in (side, "none") else (),
               (spelled[3],) if kind == side else (), True)
        for side, lung in lungs.items()
    )  # fmt: skip
    large = kind == "heart"
    regions += (Region("cardiac silhouette", heart, (sentence,) * large, (spelled[3],) * large if large else (), True),)
    annotations = Annotations(
        sentences=(sentence,),
        anatomy=regions,
        pathology_boxes=tuple(PathologyBox(label, box) for label in spelled[:2]) if finding else (),
        pathology_labels=(PathologyLabel("vindr/Pleural effusion", int(finding == "Effusion")),),
        grounded=(GroundedPhrase(sentence.removesuffix("."), (box,), spelled[2]),) if finding else (),
    )
    study = Study("made-up", split, f"p{number}", f"s{number}", f"{split}{number}", "made/up.png")
    return Sample(study, annotations, encode_stored(np.full((8, 8), number, dtype=np.uint8)), 8, 8, 8, 8)


TRAIN, SAMPLES = [sample(n, "train") for n in range(16)], [sample(n, "test") for n in range(12)]


class Knowing:
    """Answers with the truth about `SAMPLES`; the number of a sample is the brightness of its image."""

    def __init__(self) -> None:
        self.reader = self.writer = self.reports = self

    def encode(self, images):
        return [int(image[0, 0]) for image in images]

    def detect(self, features, queries, labels=()):
        return [[self.answer(n, q, labels) for q in asked] for n, asked in zip(features, queries, strict=True)]

    def answer(self, number: int, query: Query, labels) -> SimpleNamespace:
        said = SAMPLES[number].annotations
        found = self.boxes(said, query)
        probabilities = [(label, float(self.has(said, query, label))) for label in labels]
        if query.name in vocabulary.load().findings:
            probabilities.append((query.name, 0.9 if found else 0.1))
        # a second box that non-maximum suppression takes away, and a third of another place
        candidates = tuple(ScoredBox(box, 0.8) for box in found) + tuple(ScoredBox(box, 0.6) for box in found)
        candidates += (ScoredBox(NOWHERE, 0.01),)
        return SimpleNamespace(
            number=number, query=query, boxes=candidates[:1], candidates=candidates, probabilities=tuple(probabilities)
        )

    def boxes(self, said: Annotations, query: Query) -> list[Box]:
        if query.name in vocabulary.load().findings:
            words = vocabulary.load()
            return [b.box for b in said.pathology_boxes[:1] if words.finding_of(b.label).id == query.name]
        return [box for phrase in said.grounded if phrase.phrase == query.text for box in phrase.boxes]

    def has(self, said: Annotations, query: Query, label: str) -> bool:
        regions = [region for region in said.anatomy if region.box == query.box]
        phrases = [phrase for phrase in said.grounded if query.box in phrase.boxes]
        named = [*(name for region in regions for name in region.labels_present), *(p.label for p in phrases)]
        return label in named

    def select(self, answers):
        return answers[:1]

    def describe(self, answers):
        return [[" ".join(SAMPLES[answer.number].annotations.sentences) for answer in found] for found in answers]

    def compose(self, answers, sentences):
        return (Finding(answers[0].query, answers[0].boxes, sentences[0]),), sentences[0]


class Guessing(Knowing):
    """Says the same of every image: one box in a corner, every finding a little, one sentence."""

    def boxes(self, said, query):
        return [NOWHERE]

    def has(self, said, query, label):
        return False

    def describe(self, answers):
        return [["Rib fracture." for _ in found] for found in answers]


def learned(name: str):
    task = create(name)
    for training in TRAIN:
        task.learn(training)
    return task


def rows_of(task, session, samples=tuple(SAMPLES), batch_size: int = 5) -> list[dict]:
    rows = []
    for start in range(0, len(samples), batch_size):
        rows += predict_batch({"task": task}, session, samples[start : start + batch_size]).get("task", [])
    return rows


def figures_of(name: str, session, draws: int = 0, options=None) -> dict:
    task = learned(name)
    return task.figures(rows_of(task, session), SpreadOf(draws), options)
