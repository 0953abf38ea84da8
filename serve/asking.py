"""How the ingress asks the model: what arrives while it is busy goes to it together, in one call per replica."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from ray.serve.exceptions import BackPressureError
from ray.serve.handle import DeploymentHandle, DeploymentResponse

from chex.records import Finding, Provenance, Report
from serve.gathering import Expired, Gathering, Overloaded
from serve.observability.requests import note
from serve.questions import Described, OtherModel, Question, Replaced, ReportWanted, SentencesWanted, Wanted
from serve.retries import asked_again_if_lost, continued_if_lost

Answer = TypeVar("Answer")
CALLS_AT_ONCE = 4  # per shard: detector and generator have the next one at hand while others are on their way
MOST_QUERIES_PER_CALL = 256
REPLACED_AFTER = 0.5  # seconds between two looks whether detector and generator have the same model again


@dataclass(frozen=True, slots=True)
class _Task:
    question: Question
    wanted: Wanted | None  # None: boxes and probabilities alone


class Asking:
    """One queue per shard of the images and kind of answer, so that quick answers do not wait for long ones.

    shards: as many as there may be detectors. most_waiting: questions that may wait in each queue.
    Raises Overloaded, Expired and Failed.
    """

    def __init__(self, detector: DeploymentHandle, generator: DeploymentHandle, *, shards: int, most_waiting: int):
        self._detectors = [detector.options(session_id=str(shard)) for shard in range(shards)]
        self._generator = generator
        self._report_events = generator.options(stream=True)

        def queues(work: Callable) -> list[Gathering[_Task, Described | Report]]:
            return [
                Gathering(
                    partial(work, shard),
                    most_weight=MOST_QUERIES_PER_CALL,
                    weight=lambda task: len(task.question.queries),
                    at_once=CALLS_AT_ONCE,
                    most_waiting=most_waiting,
                )
                for shard in range(shards)
            ]

        self._found, self._described, self._reported = queues(self._find), queues(self._answer), queues(self._answer)

    def waiting(self) -> dict[str, int]:
        """How many questions wait in the queues, by kind of answer."""
        kinds = {"found": self._found, "described": self._described, "reported": self._reported}
        return {kind: sum(map(len, queues)) for kind, queues in kinds.items()}

    async def findings(self, question: Question, *, sentences: bool) -> list[Finding]:
        """A finding per query."""
        queues = self._described if sentences else self._found
        wanted = SentencesWanted(question.deadline, question.request_id) if sentences else None
        described = await self._by_one_model(queues, _Task(question, wanted))
        note(model=described.weights_sha256)
        return described.findings

    async def report(self, question: Question, wanted: ReportWanted) -> Report:
        report = await self._by_one_model(self._reported, _Task(question, wanted))
        note(model=report.provenance.weights_sha256)
        return report

    async def report_events(self, question: Question, wanted: ReportWanted) -> AsyncGenerator[tuple[str, object]]:
        """("selected", findings), ("finding", finding) …, ("report", report), all by one model; ends with its reader.

        Raises Replaced if that model is no longer there to go on.
        """
        model = None

        async def call() -> AsyncGenerator[tuple[str, object]]:
            nonlocal model
            looked = self._detectors[self._shard(question)].look.remote([question])
            async for kind, content in self._report_events.report_events.remote(looked, wanted):
                if kind == "selected":
                    if model not in (None, content.weights_sha256):
                        raise Replaced
                    model = content.weights_sha256
                    note(model=model)
                    content = content.findings
                yield kind, content

        while True:
            try:
                async with aclosing(continued_if_lost(call)) as events:
                    async for event in events:
                        yield event
                return
            except BackPressureError as problem:
                raise Overloaded from problem
            except OtherModel:
                if model is not None:
                    raise Replaced from None  # some was told already
                await _until_replaced(question.deadline)

    async def provenance(self, wanted: ReportWanted) -> Provenance:
        """What a report would be made with."""
        return await _in_time(_answered(lambda: [self._generator.provenance.remote(wanted)]), wanted.deadline)

    async def about(self, deadline: float) -> dict[str, str | None]:
        """The model's name, version, hash of its weights and notice."""
        return await _in_time(_answered(lambda: [self._generator.about.remote()]), deadline)

    async def _by_one_model(self, queues: list[Gathering], task: _Task) -> Described | Report:
        while True:
            try:
                return await queues[self._shard(task.question)](task, task.question.deadline)
            except OtherModel:
                await _until_replaced(task.question.deadline)

    def _shard(self, question: Question) -> int:
        return int(question.image.image_id[:8], 16) % len(self._detectors)

    async def _find(self, shard: int, tasks: list[_Task]) -> list[Described | Exception]:
        questions = [task.question for task in tasks]
        return await _answered(lambda: [self._detectors[shard].find.remote(questions)])

    async def _answer(self, shard: int, tasks: list[_Task]) -> list[Described | Report | Exception]:
        questions, wanted = [task.question for task in tasks], [task.wanted for task in tasks]

        def calls() -> list[DeploymentResponse]:
            looked = self._detectors[shard].look.remote(questions)
            # not awaited: the answers go from the detector to the generator, not through here
            return [looked, self._generator.answer.remote(looked, wanted)]

        return await _answered(calls)


async def _in_time(answer: Awaitable[Answer], deadline: float) -> Answer:
    try:
        return await asyncio.wait_for(answer, max(0.0, deadline - time.time()))
    except TimeoutError:
        raise Expired from None


async def _until_replaced(deadline: float) -> None:
    """Waits a little for the other deployment's new replicas. Raises Expired if there is no time left for that."""
    if time.time() + REPLACED_AFTER >= deadline:
        raise Expired
    await asyncio.sleep(REPLACED_AFTER)


async def _answered(calls: Callable[[], list[DeploymentResponse]]):
    """The last call's result; all end where nobody awaits it any more, and are made again where a replica was lost."""

    async def once():
        responses = calls()
        try:
            return await responses[-1]
        except asyncio.CancelledError:
            for response in responses:
                response.cancel()  # Serve cancels no call that is another's argument
            raise

    try:
        return await asked_again_if_lost(once)
    except BackPressureError as problem:
        raise Overloaded from problem
