"""The whole model in one process: encode images once, ask often, write reports."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from chex.inference.detection import PromptReader
from chex.inference.features import ImageFeatures
from chex.inference.generation import SentenceWriter
from chex.inference.report import PromptSet, ReportWriter, default_prompts, finding
from chex.model.chex import Chex
from chex.records import Finding, Query, Report


class Session:
    def __init__(self, model: Chex) -> None:
        self.reader = PromptReader(model)
        self.writer = SentenceWriter(model)
        self.reports = ReportWriter(model)

    def encode(self, images: Sequence[np.ndarray]) -> list[ImageFeatures]:
        """Grayscale images (H, W) uint8, bone bright."""
        return self.reader.encode(images)

    def ask(
        self, features: Sequence[ImageFeatures], queries: Sequence[Sequence[Query]], labels: Sequence[str] = ()
    ) -> list[list[Finding]]:
        """A finding per query of each image: boxes, sentence and the probabilities of `labels`."""
        answers = self.reader.detect(features, queries, labels)
        sentences = self.writer.describe(answers)
        shown = self.reports.thresholds.box_score
        return [[finding(a, s, shown) for a, s in zip(*pair, strict=True)] for pair in zip(answers, sentences)]

    def report(self, images: Sequence[np.ndarray], prompts: PromptSet | None = None) -> list[Report]:
        """One report per image; its provenance names the pixels by their hash."""
        prompts = prompts or default_prompts()
        features = self.encode(images)
        answers = self.reader.detect(features, [list(prompts.queries)] * len(features))
        answers = [self.reports.select(found) for found in answers]
        sentences = self.writer.describe(answers)
        reports = []
        for image, found, said in zip(images, answers, sentences):
            findings, text = self.reports.compose(found, said)
            digest = hashlib.sha256(np.ascontiguousarray(image).tobytes()).hexdigest()
            reports.append(Report(findings, text, self.reports.provenance(prompts, input_sha256=digest)))
        return reports
