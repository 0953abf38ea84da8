"""Several images in one request, which are not kept: each is answered, or has a problem of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, File, Form, UploadFile
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from serve.answer_schemas import BatchItemOut, BatchOut, ReportOut
from serve.images import DECODED_AT_ONCE, Kept
from serve.problems import problem_of
from serve.routes.images import described
from serve.routes.queries import QUESTION, answered
from serve.routes.reports import ReportForm
from serve.routes.requests import STATELESS_PROBLEMS, AtDesk, Deadline, content, parsed
from serve.schemas import QueriesIn, ReportIn

MOST_FILES = 32

router = APIRouter(prefix="/v1/batch", tags=["batches"])
Files = Annotated[list[UploadFile], File(description=f"DICOM, JPEG or PNG files, at most {MOST_FILES}")]


@router.post("/queries", responses=STATELESS_PROBLEMS, response_model=BatchOut)
async def ask_all(
    desk: AtDesk,
    deadline: Deadline,
    files: Files,
    question: Annotated[
        str, Form(alias="request", description=QUESTION, examples=['{"queries": [{"text": "pleural effusion"}]}'])
    ],
) -> Response:
    """The same questions about every image."""
    asked = parsed(QueriesIn, question)

    async def answer(kept: Kept) -> BatchItemOut:
        findings = await answered(desk, kept, asked, deadline)
        return BatchItemOut.model_construct(image=described(desk, kept), findings=findings)

    return await _each(desk, files, deadline, answer)


@router.post("/reports", responses=STATELESS_PROBLEMS, response_model=BatchOut)
async def report_all(
    desk: AtDesk,
    deadline: Deadline,
    files: Files,
    asked: ReportForm = None,
) -> Response:
    """A report of every image."""
    prompts = parsed(ReportIn, asked)

    async def answer(kept: Kept) -> BatchItemOut:
        report = ReportOut.of(await desk.asking.report(*desk.report_question(kept, prompts, deadline)), kept.size)
        return BatchItemOut.model_construct(**dict(report), image=described(desk, kept))

    return await _each(desk, files, deadline, answer)


async def _each(
    desk: AtDesk, files: list[UploadFile], deadline: float, answer: Callable[[Kept], Awaitable[BatchItemOut]]
) -> Response:
    if len(files) > MOST_FILES:
        raise HTTPException(422, f"files: at most {MOST_FILES} are expected; found {len(files)}")

    decoding = asyncio.Semaphore(DECODED_AT_ONCE)  # the places in the queue are for other requests, too

    async def item(file: UploadFile) -> BatchItemOut:
        try:
            async with decoding:
                kept = await desk.images.decode(await content(file), deadline)
            return await answer(kept)
        except Exception as fault:  # noqa: BLE001  told as the problem of this file alone
            return BatchItemOut(problem=problem_of(fault))

    items = await asyncio.gather(*map(item, files))
    answer = BatchOut.model_construct(images=items)
    # of an answer and a problem one is not there at all; what an answer has may well be null
    return Response(answer.model_dump_json(exclude_unset=True), media_type="application/json")
