"""Between HTTP and the deployments: questions become records, answers become JSON or server-sent events."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

from ray.serve.exceptions import BackPressureError
from starlette.exceptions import HTTPException

from chex.records import Query
from serve.problems import problem_response
from serve.schemas import FindingOut, QueryIn, ReportOut

BUSY = "too many questions are waiting: ask again"


def records_of(queries: list[QueryIn], field: str) -> list[Query]:
    """Raises a 422 that names the query at fault."""
    records = []
    for place, query in enumerate(queries):
        try:
            records.append(query.record())
        except ValueError as problem:
            raise HTTPException(422, f"{field}.{place}: {problem}") from problem
    return records


async def in_time(response):
    """What a deployment answers; raises a 503 if its queue is full."""
    try:
        return await response
    except BackPressureError as problem:
        raise HTTPException(503, BUSY, headers={"Retry-After": "2"}) from problem


async def as_events(events) -> AsyncIterator[str]:
    """The generator's report events as lines of text/event-stream; a full queue ends it with a `problem` event."""
    try:
        async for kind, content in events:
            if kind == "selected":
                data = json.dumps({"findings": [FindingOut.of(finding).model_dump() for finding in content]})
            else:
                data = (ReportOut if kind == "report" else FindingOut).of(content).model_dump_json()
            yield f"event: {kind}\ndata: {data}\n\n"
    except BackPressureError:
        problem = problem_response(503, BUSY)
        yield f"event: problem\ndata: {problem.body.decode()}\n\n"
