"""Whole reports: at once, or as server-sent events; of an uploaded image, or of one that comes along."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, File, Form, Request, UploadFile
from fastapi.responses import Response, StreamingResponse

from serve.answer_schemas import EVENT_STREAM, ImageReportOut, ReportOut
from serve.events import as_events, begun
from serve.routes.images import described
from serve.routes.queries import as_json
from serve.routes.requests import PROBLEMS, STATELESS_PROBLEMS, AtDesk, Deadline, content, parsed
from serve.schemas import ReportIn

router = APIRouter(tags=["reports"])
ReportForm = Annotated[
    str | None,
    Form(alias="request", description="a JSON object as for /v1/images/{image_id}/report", examples=["{}"]),
]

EVENTS = {
    200: {
        "content": {
            EVENT_STREAM: {
                "schema": {"type": "string"},
                "example": 'event: selected\ndata: {"findings": […]}\n\nevent: finding\ndata: {…}\n\n'
                'event: report\ndata: {"text": …}\n\n',
            }
        }
    }
}


@router.post("/v1/images/{image_id}/report", responses=PROBLEMS | EVENTS, response_model=ReportOut)
async def report(
    request: Request, image_id: str, desk: AtDesk, deadline: Deadline, asked: ReportIn | None = None
) -> Response:
    """The report; as server-sent events (`selected`, `finding` …, `report`) where the client accepts those.

    `selected` has the boxes of everything that gets a sentence; a fault after it is a `problem` event.
    """
    kept = desk.images.get(image_id)
    question, wanted = desk.report_question(kept, asked or ReportIn(), deadline)
    if EVENT_STREAM in request.headers.get("accept", ""):
        events = await begun(desk.asking.report_events(question, wanted), deadline)
        return StreamingResponse(as_events(events, kept.size, deadline), media_type=EVENT_STREAM)
    return as_json(ReportOut.of(await desk.asking.report(question, wanted), kept.size))


@router.post("/v1/report", responses=STATELESS_PROBLEMS, response_model=ImageReportOut)
async def report_once(
    desk: AtDesk,
    deadline: Deadline,
    file: Annotated[UploadFile, File(description="a DICOM, JPEG or PNG file")],
    asked: ReportForm = None,
) -> Response:
    """The report of an image that comes along and is not kept."""
    prompts = parsed(ReportIn, asked)
    kept = await desk.images.decode(await content(file), deadline)
    found = ReportOut.of(await desk.asking.report(*desk.report_question(kept, prompts, deadline)), kept.size)
    return as_json(ImageReportOut.model_construct(**dict(found), image=described(desk, kept)))
