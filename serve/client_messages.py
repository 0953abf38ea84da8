"""What a client sends and what it reads, beside the schemas that it shares with the server."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx

from serve.answer_schemas import FindingOut, Problem, ReportOut
from serve.schemas import QueriesIn, QueryIn, ReportIn

Question = str | QueryIn | Mapping[str, Any]
Event = tuple[str, list[FindingOut] | FindingOut | ReportOut]


class Refused(Exception):
    """The server's problem: `problem.status`, `problem.detail`."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{problem.status} {problem.title}: {problem.detail}")
        self.problem = problem


def named(file: bytes | Path | str) -> tuple[str, bytes]:
    """What the server is told of a file: no name, which may be a patient's."""
    return "image", file if isinstance(file, bytes) else Path(file).read_bytes()


def _query(query: Question) -> QueryIn:
    if isinstance(query, str):
        return QueryIn(text=query)
    return query if isinstance(query, QueryIn) else QueryIn.model_validate(query)


def queries_in(queries: Sequence[Question], labels: Sequence[str], sentences: bool) -> QueriesIn:
    return QueriesIn(queries=list(map(_query, queries)), labels=list(labels), sentences=sentences)


def report_in(prompts: Sequence[Question] | None, prompt_set: str | None) -> ReportIn:
    return ReportIn(prompts=None if prompts is None else list(map(_query, prompts)), prompt_set=prompt_set)


def lines_of(response: httpx.Response) -> Iterator[str]:
    """Those that a line feed ends: httpx's own break at further letters, which a text may contain."""
    begun = ""
    for text in response.iter_text():
        *whole, begun = (begun + text).split("\n")
        yield from whole


def read_event(kind: str, data: str) -> Event:
    if kind == "problem":
        raise Refused(Problem.model_validate_json(data))
    if kind == "selected":
        return kind, [FindingOut.model_validate(finding) for finding in json.loads(data)["findings"]]
    return kind, (ReportOut if kind == "report" else FindingOut).model_validate_json(data)


def problem_of(response: httpx.Response) -> Problem:
    try:
        return Problem.model_validate_json(response.content)
    except ValueError:  # not from the application, but from what stands before it
        return Problem(title=response.reason_phrase or "error", status=response.status_code)


def seconds_to_wait(retry_after: str | None) -> float:
    try:
        return min(max(float(retry_after or 1), 0.1), 30)
    except ValueError:  # a date
        return 1.0
