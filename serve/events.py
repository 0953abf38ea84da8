"""Reports as server-sent events: boxes first, each sentence as it is written, then the report."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

from serve.answer_schemas import FindingOut, ReportOut
from serve.observability.requests import note
from serve.problems import problem_of

Event = tuple[str, object]


async def begun(events: AsyncGenerator[Event], deadline: float) -> AsyncGenerator[Event]:
    """The same events, once there is one: what goes wrong until then is raised here, while there is no answer yet."""
    first = await _next(events, deadline)

    async def every() -> AsyncGenerator[Event]:
        async with aclosing(events):
            yield first
            async for event in events:
                yield event

    return every()


async def as_events(events: AsyncGenerator[Event], size: tuple[int, int], deadline: float) -> AsyncIterator[str]:
    """The generator's events as lines; a fault and the end of the time end them with a `problem` event.

    size: (width, height) of the original image.
    """
    async with aclosing(events):
        try:
            while True:
                kind, content = await _next(events, deadline)
                yield f"event: {kind}\ndata: {_as_json(kind, content, size)}\n\n"
        except StopAsyncIteration:
            return
        except Exception as fault:  # noqa: BLE001  whatever it is, the stream ends with it
            problem = problem_of(fault)
            note(problem=problem.status)
            yield f"event: problem\ndata: {problem.model_dump_json(exclude_none=True)}\n\n"


async def _next(events: AsyncGenerator[Event], deadline: float) -> Event:
    return await asyncio.wait_for(anext(events), max(0.0, deadline - time.time()))


def _as_json(kind: str, content, size: tuple[int, int]) -> str:
    if kind == "selected":
        return json.dumps({"findings": [FindingOut.of(finding, size).model_dump() for finding in content]})
    return (ReportOut if kind == "report" else FindingOut).of(content, size).model_dump_json()
