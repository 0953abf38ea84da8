"""The deployment that writes: sentences for answered prompts, and whole reports."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from ray import serve

from chex.records import Finding, Provenance, Report
from pipelines.model_folder import model_folder_on_disk
from serve.gathering import Gathering
from serve.known_answer import KnownAnswer
from serve.model_thread import ModelThread, every_result
from serve.observability.logs import log
from serve.observability.metrics import count_sentences
from serve.questions import Described, Looked, OtherModel, ReportWanted, Wanted

if TYPE_CHECKING:
    from chex.inference.features import Answer

# a client sees the first sentences of a report while the next ones are being written
SENTENCES_AT_ONCE = 6
WRITTEN_TOGETHER = 256  # sentences


@serve.deployment
class SentenceGenerator:
    """Takes what the detector hands over directly: answers do not pass through the ingress.

    What is wanted while it writes is written together next, whichever requests it belongs to.
    """

    def __init__(self, model: str, device: str, *, threads: int | None = None):
        from chex import Chex
        from chex.inference.generation import SentenceWriter
        from chex.inference.report import ReportWriter

        self._thread = ModelThread(threads)
        with model_folder_on_disk(model) as folder:
            self._model = Chex.load(folder, device=device)
        self._weights_sha256 = self._model.provenance.get("weights_sha256", "")
        self._sentences, self._reports = SentenceWriter(self._model), ReportWriter(self._model)
        self._write = Gathering(self._write_together, most_weight=WRITTEN_TOGETHER, weight=len)
        self._known = KnownAnswer(self._write_known)
        self._known.check()

    async def answer(
        self, looked: list[Looked | Exception], wanted: list[Wanted]
    ) -> list[Described | Report | Exception]:
        """Per question, in order, its findings with their sentences, or its report, or why there is none."""
        results = await every_result(self._answer(*one) for one in zip(looked, wanted, strict=True))
        sentences = sum(map(sentences_of, results))
        log.info("wrote", extra={"of_requests": [one.request_id for one in wanted], "sentences": sentences})
        return results

    async def report_events(
        self, looked: list[Looked | Exception], wanted: ReportWanted
    ) -> AsyncIterator[tuple[str, object]]:
        """("selected", Described without sentences), ("finding", finding) …, ("report", report) of one question.

        Only the report is free of repeats: nearly equal sentences can be told once all are written. Raises what the
        detector found instead of answers, and Expired.
        """
        chosen = self._answers_of(looked[0])
        yield "selected", Described(self._findings(chosen, [None] * len(chosen)), self._weights_sha256)
        sentences: list[str] = []
        for start in range(0, len(chosen), SENTENCES_AT_ONCE):
            some = chosen[start : start + SENTENCES_AT_ONCE]
            written = await self._written(some, wanted)
            for finding in self._findings(some, written):
                yield "finding", finding
            sentences += written
        report = await self._compose(chosen, sentences, wanted)
        log.info("wrote", extra={"of_requests": [wanted.request_id], "sentences": sentences_of(report)})
        yield "report", report

    async def provenance(self, wanted: ReportWanted) -> Provenance:
        """What a report would be made with."""
        return self._provenance(wanted)

    async def about(self) -> dict[str, str | None]:
        """The model's name, version, hash of its weights, and the notice that it carries, if any."""
        made_with = self._model.provenance
        return {
            "model_name": made_with["model_name"],
            "model_version": made_with.get("model_version", "unsaved"),
            "weights_sha256": made_with.get("weights_sha256", ""),
            "notice": made_with.get("notice"),
        }

    async def check_health(self) -> None:
        """Raises if the model no longer writes what it wrote when it was loaded."""
        await self._thread.run(self._known.check)

    async def _answer(self, looked: Looked | Exception, wanted: Wanted) -> Described | Report:
        answers = self._answers_of(looked)
        sentences = await self._written(answers, wanted)
        if isinstance(wanted, ReportWanted):
            return await self._compose(answers, sentences, wanted)
        return Described(self._findings(answers, sentences), self._weights_sha256)

    async def _written(self, answers: list[Answer], wanted: Wanted) -> list[str]:
        sentences = await self._write(answers, wanted.deadline) if answers else []
        count_sentences(len(sentences))
        return sentences

    def _answers_of(self, looked: Looked | Exception) -> list[Answer]:
        if isinstance(looked, Exception):
            raise looked
        if looked.weights_sha256 != self._weights_sha256:
            raise OtherModel
        return looked.answers

    def _findings(self, answers: list[Answer], sentences: list[str | None]) -> list[Finding]:
        from chex.inference.report import finding

        least = self._reports.thresholds.box_score
        return [finding(answer, sentence, least) for answer, sentence in zip(answers, sentences, strict=True)]

    async def _compose(self, answers: list[Answer], sentences: list[str], wanted: ReportWanted) -> Report:
        findings, text = await self._thread.run(self._reports.compose, answers, sentences)
        return Report(findings, text, self._provenance(wanted))

    def _provenance(self, wanted: ReportWanted) -> Provenance:
        from chex.inference.report import PromptSet

        prompts = PromptSet(wanted.prompt_set, wanted.queries)
        return self._reports.provenance(
            prompts, input_sha256=wanted.input_sha256, sop_instance_uid=wanted.sop_instance_uid
        )

    async def _write_together(self, answers: list[list[Answer]]) -> list[list[str]]:
        return await self._thread.run(self._sentences.describe, answers)

    def _write_known(self) -> list[str | float]:
        import torch

        width = self._model.config.image_encoder.embedding
        token = torch.linspace(-1, 1, width, device=self._model.device)[None]
        with torch.inference_mode():
            prefix = self._model.generator.prefix(token).float()
            # two words: the second is written with what is kept of the first, and a large model is not held up
            return [prefix.mean().item(), prefix.std().item(), *self._model.write(token, max_tokens=2)]


def sentences_of(result: Described | Report | Exception) -> int:
    return 0 if isinstance(result, Exception) else len(result.findings)
