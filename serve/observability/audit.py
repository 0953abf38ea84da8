"""One line per request: who asked what kind of question of which image and model, and how it ended."""

from __future__ import annotations

import asyncio
import time
from collections import Counter

from chex.records import Query
from pipelines.faults import where_and_what
from serve.observability.logs import log
from serve.observability.metrics import count_queries, count_request
from serve.observability.requests import RequestRecord, current, note
from serve.problems import problem_response

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
UNMATCHED = "unmatched"  # a path that no route has: the path itself is the client's text


class BrokenOff(Exception):
    """An answer could not be completed; the log has the reason."""


class Audit:
    """Writes the line, counts the request, and makes a problem of what went wrong unforeseen.

    `send` may fail and the task may be cancelled: the line is written in any case.
    """

    def __init__(self, app):
        self._app = app

    async def __call__(self, scope, receive, send):
        record, start, status, complete = current(), time.perf_counter(), None, False

        async def noted(message):
            nonlocal status, complete
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)
            complete = message["type"] == "http.response.body" and not message.get("more_body", False)

        try:
            await self._app(scope, receive, noted)
        except asyncio.CancelledError:
            raise
        except Exception as fault:  # noqa: BLE001  whatever it is, the client is told that we failed
            log.error("an unforeseen fault: %s", where_and_what(fault))
            if status is not None:
                raise BrokenOff from None  # the answer has begun, and what the fault says must not be logged
            await problem_response(500, "an unforeseen fault; the server's log has the details")(scope, receive, noted)
        finally:
            outcome = outcome_of(status, complete, record.facts.get("problem"))
            write_line(scope, record, status, outcome, seconds := time.perf_counter() - start)
            count_request(route_of(scope), outcome, seconds)


def outcome_of(status: int | None, complete: bool, problem: int | None = None) -> str:
    """problem: the status of what an answer that had begun ended with instead."""
    status = problem or status
    if status is None or not complete:
        return "broken off"
    return "failed" if status >= 500 else "refused" if status >= 400 else "answered"


def route_of(scope) -> str:
    """The template of the path (`/v1/images/{image_id}/queries`), never the path."""
    path = getattr(scope.get("route"), "path", None)
    return path or UNMATCHED


def write_line(scope, record: RequestRecord, status: int | None, outcome: str, seconds: float) -> None:
    method = scope["method"] if scope["method"] in METHODS else "other"
    line = {"request_id": record.request_id, "caller": record.caller, "method": method, "route": route_of(scope)}
    line |= record.facts | {"status": status, "outcome": outcome, "seconds": round(seconds, 4)}
    log.info("audit", extra={"audit": line})


def note_queries(queries: list[Query] | tuple[Query, ...], texts: bool = False) -> None:
    """How many queries of which kind; what was asked in words only where `texts` says so."""
    kinds = Counter(kind_of(query) for query in queries)
    note(queries=dict(kinds))
    count_queries(kinds)
    if texts:
        note(texts=[query.text for query in queries])


def kind_of(query: Query) -> str:
    return "+".join(part for part in ("text", "box") if getattr(query, part) is not None)
