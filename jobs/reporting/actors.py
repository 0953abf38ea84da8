"""The model's two halves as Ray Data actors: one finds boxes, the other writes about them."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass

import pyarrow as pa

from chex.records import Finding, Query
from jobs.reporting.part import (
    DETECTED_SCHEMA,
    WRITTEN_SCHEMA,
    ModelInput,
    carried,
    readable,
    row,
    unpacked_images,
    unpacked_pixels,
)
from jobs.reporting.rows import finding_row
from pipelines.model_folder import model_folder_on_disk


@dataclass(frozen=True, slots=True)
class ModelUse:
    """What an actor is built with. precision: "float32" or "bfloat16" (where autocast has it); threads: of torch."""

    model: str
    device: str
    queries: tuple[Query, ...]
    batch_size: int  # images that the detector looks at together
    precision: str = "float32"
    threads: int | None = None

    def load(self):
        import torch

        from chex import Chex

        if self.threads:
            torch.set_num_threads(min(self.threads, len(os.sched_getaffinity(0))))
        with model_folder_on_disk(self.model) as folder:
            return Chex.load(folder, device=self.device)

    def computing(self):
        """The context in which the model computes."""
        import torch

        return torch.autocast(self.device, torch.bfloat16, enabled=self.precision == "bfloat16")


class Detector:
    """READ_SCHEMA -> DETECTED_SCHEMA: encodes each image once, asks it every prompt, keeps what is worth a sentence."""

    def __init__(self, use: ModelUse):
        from chex.inference.detection import PromptReader
        from chex.inference.report import ReportWriter

        model = use.load()
        self._use, self._queries = use, list(use.queries)
        self._reader, self._reports = PromptReader(model), ReportWriter(model)
        self._input = ModelInput(model.config.image_encoder.image_size, model.config.preprocessing.fit)

    def __call__(self, batch: pa.Table) -> pa.Table:
        from jobs.reporting.answers import pack

        if batch["fault"][0].is_valid:
            return row(DETECTED_SCHEMA, part=batch["part"][0].as_py(), fault=batch["fault"][0].as_py())
        frames = [self._input.frame(image) for image in readable(unpacked_images(batch))]
        pixels = unpacked_pixels(batch, self._input.size)
        chosen = []
        for start in range(0, len(frames), self._use.batch_size):
            some = slice(start, start + self._use.batch_size)
            with self._use.computing():
                features = self._reader.encode_framed(pixels[some], frames[some])
                answers = self._reader.detect(features, [self._queries] * len(features))
            chosen += [self._reports.select(found) for found in answers]
        packed, tokens = pack(chosen, self._queries)
        return row(DETECTED_SCHEMA, **carried(batch), answers=packed, tokens=tokens)


class Generator:
    """DETECTED_SCHEMA -> WRITTEN_SCHEMA: sentences for all regions of all images of a part together."""

    def __init__(self, use: ModelUse):
        from chex.inference.generation import SentenceWriter
        from chex.inference.report import ReportWriter

        model = use.load()
        self._use = use
        self._sentences, self._reports = SentenceWriter(model), ReportWriter(model)

    def __call__(self, batch: pa.Table) -> pa.Table:
        from jobs.reporting.answers import unpack

        if batch["fault"][0].is_valid:
            return row(WRITTEN_SCHEMA, part=batch["part"][0].as_py(), fault=batch["fault"][0].as_py())
        tokens = batch["tokens"][0].as_buffer()
        chosen = unpack(batch["answers"][0].as_py(), tokens, self._use.queries)
        with self._use.computing():
            sentences = self._sentences.describe(chosen)
            composed = [self._reports.compose(*pair) for pair in zip(chosen, sentences, strict=True)]
        findings = [_packed(found, text) for found, text in composed]
        return row(WRITTEN_SCHEMA, **carried(batch), findings=json.dumps(findings))


def _packed(findings: tuple[Finding, ...], text: str) -> dict:
    return {"text": text, "findings": [finding_row(finding) for finding in findings]}
