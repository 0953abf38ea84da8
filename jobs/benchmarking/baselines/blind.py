"""The shape of a session for models that never look at the image."""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from chex.inference.features import Answer
from chex.records import Finding, Query, ScoredBox


class BlindSession(ABC):
    """Answers each query by itself. `parts` says what it can be asked for, `provenance` what it was learned from."""

    parts: frozenset[str]

    def __init__(self, name: str, learned: Mapping[str, Any]) -> None:
        digest = hashlib.sha256(json.dumps(learned, sort_keys=True).encode()).hexdigest()
        self.provenance = {"model_name": name, "learned_sha256": digest}
        # one object stands for the three that a session consists of
        self.reader = self.writer = self.reports = self

    def encode(self, images: Sequence[np.ndarray]) -> list[None]:
        """Nothing of any image."""
        return [None] * len(images)

    def detect(
        self, features: Sequence[None], queries: Sequence[Sequence[Query]], labels: Sequence[str] = ()
    ) -> list[list[Answer]]:
        """Answers to each image's queries, in order."""
        return [[self.answer(query, labels) for query in asked] for asked in queries]

    @abstractmethod
    def answer(self, query: Query, labels: Sequence[str]) -> Answer: ...

    def describe(self, answers: Sequence[Sequence[Answer]]) -> list[list[str]]:
        """A sentence per answer of each image."""
        return [[self.sentence(answer.query) for answer in found] for found in answers]

    def sentence(self, query: Query) -> str:
        return ""

    def select(self, answers: Sequence[Answer]) -> list[Answer]:
        """A report is not made of answers: one is enough."""
        return list(answers[:1])

    def compose(self, answers: Sequence[Answer], sentences: Sequence[str]) -> tuple[tuple[Finding, ...], str]:
        """A finding per sentence of the report, and its text."""
        said = self.report()
        findings = tuple(Finding(answers[0].query, answers[0].boxes, sentence) for sentence in said)
        return findings, " ".join(said)

    def report(self) -> Sequence[str]:
        return ()


def blind_answer(
    query: Query,
    boxes: Sequence[ScoredBox],
    probabilities: Sequence[tuple[str, float]] = (),
    candidates: Sequence[ScoredBox] = (),
) -> Answer:
    """An answer without a token; of a box query the box is its own."""
    shown = (ScoredBox(query.box, 1.0),) if query.box is not None else tuple(boxes)
    return Answer(query, shown, tuple(probabilities), 0.5, torch.zeros(1), tuple(candidates))
