"""What several routes share: the desk of their application, documented problems, and files that bring a question."""

from __future__ import annotations

from typing import Annotated, TypeVar

from fastapi import Depends, Header, UploadFile
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from serve.answer_schemas import Problem
from serve.deadlines import HEADER, LONGEST, deadline_of
from serve.desk import Desk

PROBLEMS = {status: {"model": Problem} for status in (404, 413, 422, 503, 504)}
STATELESS_PROBLEMS = {status: documented for status, documented in PROBLEMS.items() if status != 404}

Body = TypeVar("Body", bound=BaseModel)


async def _desk(request: Request) -> Desk:  # a plain function would be called in a thread
    return request.app.state.desk


AtDesk = Annotated[Desk, Depends(_desk)]


async def _deadline(
    desk: AtDesk,
    seconds: Annotated[
        str | None, Header(alias=HEADER, description=f"how long the client waits, at most {LONGEST:.0f} (504)")
    ] = None,
) -> float:
    return deadline_of(seconds, desk.request_seconds)


Deadline = Annotated[float, Depends(_deadline)]


def parsed(kind: type[Body], text: str | None) -> Body:
    """A form's field as JSON; nothing is an empty object. Raises the 422 that the same body alone would get."""
    try:
        return kind.model_validate_json(text if text and text.strip() else "{}")
    except ValidationError as problem:
        faults = [{**fault, "loc": ("body", "request", *fault["loc"])} for fault in problem.errors()]
        raise RequestValidationError(faults) from problem


async def content(file: UploadFile) -> bytes:
    data = await file.read()
    await file.close()
    return data
