"""The deployment that writes: sentences for answered prompts, and whole reports."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ray import serve

from chex.records import Finding, Query, Report
from pipelines.model_folder import model_folder_on_disk

if TYPE_CHECKING:
    from chex.inference.features import Answer


@dataclass(frozen=True, slots=True)
class Asked:
    """What only the ingress knows of a report: the prompt set and where the image comes from."""

    prompt_set: str
    queries: tuple[Query, ...]
    input_sha256: str
    sop_instance_uid: str | None


# a client sees the first sentences of a report while the next ones are being written
SENTENCES_AT_ONCE = 6


@serve.deployment
class SentenceGenerator:
    """Takes what the detector hands over directly: answers do not pass through the ingress."""

    def __init__(self, model: str, device: str):
        from chex import Chex
        from chex.inference.generation import SentenceWriter
        from chex.inference.report import ReportWriter

        with model_folder_on_disk(model) as folder:
            loaded = Chex.load(folder, device=device)
        self._sentences, self._reports = SentenceWriter(loaded), ReportWriter(loaded)
        # one thread uses the model; the event loop stays free for those who wait
        self._thread = ThreadPoolExecutor(1)

    async def describe(self, answers: list[Answer]) -> list[Finding]:
        """One finding per query, in order, each with its sentence."""
        sentences = await self._describe(answers)
        return self._findings(answers, sentences)

    async def report(self, answers: list[Answer], asked: Asked) -> Report:
        """The whole report."""
        chosen = self._reports.select(answers)
        sentences = await self._describe(chosen) if chosen else []
        return await self._compose(chosen, sentences, asked)

    async def report_events(self, answers: list[Answer], asked: Asked) -> AsyncIterator[tuple[str, object]]:
        """("selected", findings without sentences), ("finding", finding) …, ("report", report).

        Only the report is free of repeats: nearly equal sentences can be told once all are written.
        """
        chosen = self._reports.select(answers)
        yield "selected", self._findings(chosen, [None] * len(chosen))
        sentences: list[str] = []
        for start in range(0, len(chosen), SENTENCES_AT_ONCE):
            some = chosen[start : start + SENTENCES_AT_ONCE]
            written = await self._describe(some)
            for finding in self._findings(some, written):
                yield "finding", finding
            sentences += written
        yield "report", await self._compose(chosen, sentences, asked)

    def _findings(self, answers: list[Answer], sentences: list[str | None]) -> list[Finding]:
        from chex.inference.report import finding

        least = self._reports.thresholds.box_score
        return [finding(answer, sentence, least) for answer, sentence in zip(answers, sentences, strict=True)]

    async def _compose(self, answers: list[Answer], sentences: list[str], asked: Asked) -> Report:
        from chex.inference.report import PromptSet

        findings, text = await self._in_thread(self._reports.compose, answers, sentences)
        provenance = self._reports.provenance(
            PromptSet(asked.prompt_set, asked.queries),
            input_sha256=asked.input_sha256,
            sop_instance_uid=asked.sop_instance_uid,
        )
        return Report(findings, text, provenance)

    @serve.batch(max_batch_size=8, batch_wait_timeout_s=0.01)
    async def _describe(self, answers: list[list[Answer]]) -> list[list[str]]:
        return await self._in_thread(self._sentences.describe, answers)

    async def _in_thread(self, work, *arguments):
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)
