"""Errors as RFC 9457 problem JSON, and the limit on a request's size."""

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


def _problem(status: int, detail: str, errors: list[dict] | None = None) -> Problem:
    title, request_id = HTTPStatus(status).phrase, current().request_id
    retry_after_s = RETRY_AFTER_S if status == 503 else None  # an event of a stream has no headers
    return Problem(
        title=title, status=status, detail=detail, errors=errors, request_id=request_id, retry_after_s=retry_after_s
    )


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
        return _response(problem_of(error))

    for kind in (*FAULTS, Exception):
        app.add_exception_handler(kind, _fault)


class _TooLarge(Exception):
    pass


class SizeLimit:
    """Refuses a request body beyond `most_bytes`: by its declared length, and by what really arrives.

    Uploads, the requests to a path that ends in one of `upload_paths`, may have `most_upload_bytes`.
    """

    def __init__(self, app, most_bytes: int, upload_paths: tuple[str, ...], most_upload_bytes: int):
        self._app, self._most_bytes = app, most_bytes
        self._upload_paths, self._most_upload_bytes = upload_paths, most_upload_bytes

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        is_upload = scope["path"].endswith(self._upload_paths)
        most_bytes = self._most_upload_bytes if is_upload else self._most_bytes

        async def refuse():
            refusal = problem_response(413, f"the request is larger than the limit of {most_bytes} bytes")
            await refusal(scope, receive, send)

        if not declared.isdigit() or len(declared) > 15 or int(declared) > most_bytes:
            await refuse()
            return
        arrived, answered = 0, False

        async def counted():
            nonlocal arrived
            message = await receive()
            arrived += len(message.get("body", b""))
            if arrived > most_bytes:
                raise _TooLarge
            return message

        async def noted(message):
            nonlocal answered
            # whatever the application makes of the broken-off body, the answer is the refusal below
            if answered or arrived <= most_bytes:
                answered = True
                await send(message)

        try:
            await self._app(scope, counted, noted)
        except _TooLarge:
            log.info("a request was broken off at its size limit")
        if arrived > most_bytes and not answered:
            await refuse()
