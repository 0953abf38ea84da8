"""No generator: the training sentence whose text is most like a region, the report that is most like an image."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from chex.inference.features import Answer, ImageFeatures
from chex.model.chex import Chex
from chex.records import Finding, Query, Sample
from jobs.benchmarking.baselines.similarity_maps import SimilaritySession

MOST_SENTENCES, MOST_REPORTS = 20_000, 10_000  # so that memory has a bound; of more a fair draw is kept
_REPORT = Query(text="report")


def learn(train: Iterable[Sample]) -> dict[str, Any]:
    """JSON values: different sentences, of reports and of regions together, and reports as lists of sentences."""
    sentences, reports = _Draw(MOST_SENTENCES), _Draw(MOST_REPORTS)
    for sample in train:
        said = sample.annotations
        if said.sentences:
            reports.add(said.sentences)
        regions = (" ".join(region.sentences) for region in said.anatomy if region.sentences)
        for text in (*said.sentences, *regions):
            sentences.add(text)
    return {"sentences": sentences.kept, "reports": [list(report) for report in reports.kept]}


@dataclass(frozen=True, slots=True)
class Retrieval:
    """device → session of a contrastive stage's model, with what `learn` gave."""

    folder: str
    file: str
    parts: ClassVar[frozenset[str]] = frozenset({"sentences", "reports"})

    def __call__(self, device: str) -> RetrievalSession:
        learned = json.loads(Path(self.file).read_text(encoding="utf-8"))
        return RetrievalSession(Chex.load(self.folder, device), learned)


class RetrievalSession(SimilaritySession):
    """Tokens are (2, D): the feature of the region and that of the whole image, which stands alone for a report."""

    parts = Retrieval.parts

    def __init__(self, model: Chex, learned: dict[str, Any]) -> None:
        super().__init__(model, {})
        self.writer = self.reports = self
        self.provenance = {**model.provenance, "model_name": "retrieval"}
        self._sentences, self._reports = learned["sentences"], learned["reports"]
        self._sentence_features = F.normalize(model.text_features(self._sentences), dim=-1)
        means = [model.text_features(report).mean(dim=0) for report in self._reports]
        self._report_features = F.normalize(torch.stack(means), dim=-1) if means else None

    def token(self, image: ImageFeatures, region: Tensor) -> Tensor:
        return torch.stack([region, image.patches.mean(dim=0)])

    def select(self, answers: Sequence[Answer]) -> list[Answer]:
        """One answer that asks for the report of the whole image."""
        return [replace(answer, query=_REPORT, token=answer.token[1:]) for answer in answers[:1]]

    def describe(self, answers: Sequence[Sequence[Answer]]) -> list[list[str]]:
        """The nearest sentence of each answer; for a report, its number among the reports."""
        return [[self._nearest(answer.token) for answer in found] for found in answers]

    def compose(self, answers: Sequence[Answer], sentences: Sequence[str]) -> tuple[tuple[Finding, ...], str]:
        """A finding per sentence of the retrieved report, and its text."""
        said = self._reports[int(sentences[0])] if sentences and sentences[0] else []
        return tuple(Finding(_REPORT, (), sentence) for sentence in said), " ".join(said)

    def _nearest(self, token: Tensor) -> str:
        if len(token) == 2:
            best = (self._sentence_features @ token[0]).argmax() if self._sentences else None
            return "" if best is None else self._sentences[int(best)]
        return "" if self._report_features is None else str(int((self._report_features @ token[0]).argmax()))


class _Draw:
    """A draw of at most so many of the texts that pass by; one that is kept already is not kept twice."""

    def __init__(self, most: int) -> None:
        self.kept: list[Any] = []
        self._most, self._held, self._seen, self._rng = most, set(), 0, random.Random(0)

    def add(self, text: Any) -> None:
        if text in self._held:
            return
        self._seen += 1
        if len(self.kept) < self._most:
            self.kept.append(text)
        elif (place := self._rng.randrange(self._seen)) < self._most:
            self._held.remove(self.kept[place])
            self.kept[place] = text
        else:
            return
        self._held.add(text)
