"""Errors as RFC 9457 problem JSON."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from pipelines.faults import where_and_what
from serve.answer_schemas import Problem
from serve.gathering import Expired, Overloaded
from serve.observability.logs import log
from serve.observability.requests import current
from serve.questions import Replaced

MOST_FAULTS = 20  # of one request that are told
LONGEST_STEP = 60  # letters of a key

RETRY_AFTER_S = 1
# what is said of faults that are nobody's mistake
FAULTS: dict[type[Exception], tuple[int, str]] = {
    Overloaded: (503, "too many requests are waiting: ask again"),
    Replaced: (503, "the model was replaced while it wrote: ask again"),
    Expired: (504, "the request's time was over before its answer was ready"),
    TimeoutError: (504, "the request's time was over before its answer was ready"),
}


def problem_of(fault: Exception) -> Problem:
    """The problem that a fault is told as; an unforeseen one is told in the log alone."""
    if isinstance(fault, HTTPException):
        status, detail = fault.status_code, str(fault.detail)
    else:
        known = (told for kind, told in FAULTS.items() if isinstance(fault, kind))
        status, detail = next(known, (500, "an unforeseen fault; the server's log has the details"))
    if status == 500:
        log.error("an unforeseen fault: %s", where_and_what(fault))
    return _problem(status, detail)


def problem_response(
    status: int, detail: str, errors: list[dict] | None = None, headers: dict | None = None
) -> JSONResponse:
    return _response(_problem(status, detail, errors), headers)


def fault_response(fault: Exception) -> JSONResponse:
    return _response(problem_of(fault))


def _problem(status: int, detail: str, errors: list[dict] | None = None) -> Problem:
    title, request_id = HTTPStatus(status).phrase, current().request_id
    retry_after_s = RETRY_AFTER_S if status == 503 else None  # an event of a stream has no headers
    optional = {"errors": errors, "request_id": request_id, "retry_after_s": retry_after_s}
    known = {name: value for name, value in optional.items() if value is not None}
    return Problem(type="about:blank", title=title, status=status, detail=detail, **known)


def _response(problem: Problem, headers: dict | None = None) -> JSONResponse:
    if problem.status == 503:
        headers = {"Retry-After": str(RETRY_AFTER_S)} | dict(headers or {})
    content = problem.model_dump(exclude_none=True)
    return JSONResponse(content, problem.status, headers=headers, media_type="application/problem+json")


def explain_errors(app: FastAPI) -> None:
    """Every error of the application leaves it as a problem; none carries what the client sent, nor our stack."""

    @app.exception_handler(HTTPException)
    async def _known(request: Request, error: HTTPException) -> JSONResponse:
        return problem_response(error.status_code, str(error.detail), headers=error.headers)

    @app.exception_handler(RequestValidationError)
    async def _invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        # a step may be a key that the client made up
        errors = [
            {"location": ".".join(str(step)[:LONGEST_STEP] for step in fault["loc"]), "message": fault["msg"]}
            for fault in error.errors()[:MOST_FAULTS]
        ]
        detail = "; ".join(f"{fault['location']}: {fault['message']}" for fault in errors[:3])
        return problem_response(422, detail, errors)

    async def _fault(request: Request, error: Exception) -> JSONResponse:
        return fault_response(error)

    for kind in (*FAULTS, Exception):
        app.add_exception_handler(kind, _fault)
