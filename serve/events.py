"""Reports as server-sent events: boxes first, each sentence as it is written, then the report."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator

from serve.answer_schemas import FindingOut, ReportOut
from serve.problems import problem_of


async def as_events(
    events: AsyncIterator[tuple[str, object]], size: tuple[int, int], deadline: float
) -> AsyncIterator[str]:
    """The generator's events as lines; a known fault and the end of the time end them with a `problem` event.

    size: (width, height) of the original image.
    """
    iterator = aiter(events)
    try:
        while True:
            kind, content = await asyncio.wait_for(anext(iterator), max(0.0, deadline - time.time()))
            yield f"event: {kind}\ndata: {_as_json(kind, content, size)}\n\n"
    except StopAsyncIteration:
        return
    except Exception as fault:  # noqa: BLE001  whatever it is, the stream ends with it
        yield f"event: problem\ndata: {problem_of(fault).model_dump_json(exclude_none=True)}\n\n"


def _as_json(kind: str, content, size: tuple[int, int]) -> str:
    if kind == "selected":
        return json.dumps({"findings": [FindingOut.of(finding, size).model_dump() for finding in content]})
    return (ReportOut if kind == "report" else FindingOut).of(content, size).model_dump_json()
