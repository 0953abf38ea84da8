"""Questions about an image: by text, by box, by both; about one that was uploaded, or that comes along."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, File, Form, UploadFile
from fastapi.responses import Response

from serve.answer_schemas import AnswersOut, FindingOut, ImageAnswersOut
from serve.desk import Desk
from serve.images import Kept
from serve.routes.images import described
from serve.routes.requests import PROBLEMS, STATELESS_PROBLEMS, AtDesk, Deadline, content, parsed
from serve.schemas import QueriesIn

router = APIRouter(tags=["queries"])

QUESTION = "a JSON object as for /v1/images/{image_id}/queries"


@router.post("/v1/images/{image_id}/queries", responses=PROBLEMS, response_model=AnswersOut)
async def ask(image_id: str, asked: QueriesIn, desk: AtDesk, deadline: Deadline) -> Response:
    """Boxes, probabilities and a sentence for every query.

    A finding or region by its name, a phrase to ground as a whole sentence, a region to describe or classify by its box
    (with `labels`), or text and box together.
    """
    findings = await answered(desk, desk.images.get(image_id), asked, deadline)
    return as_json(AnswersOut.model_construct(findings=findings))


@router.post("/v1/queries", responses=STATELESS_PROBLEMS, response_model=ImageAnswersOut)
async def ask_once(
    desk: AtDesk,
    deadline: Deadline,
    file: Annotated[UploadFile, File(description="a DICOM, JPEG or PNG file")],
    question: Annotated[
        str, Form(alias="request", description=QUESTION, examples=['{"queries": [{"text": "pleural effusion"}]}'])
    ],
) -> Response:
    """The same for an image that comes with the questions and is not kept."""
    asked = parsed(QueriesIn, question)
    kept = await desk.images.decode(await content(file), deadline)
    findings = await answered(desk, kept, asked, deadline)
    return as_json(ImageAnswersOut.model_construct(findings=findings, image=described(desk, kept)))


async def answered(desk: Desk, kept: Kept, asked: QueriesIn, deadline: float) -> list[FindingOut]:
    question = desk.question(kept, asked, deadline)
    findings = await desk.asking.findings(question, sentences=asked.sentences)
    return [FindingOut.of(finding, kept.size) for finding in findings]


def as_json(answer) -> Response:
    """What we made ourselves needs no validation on its way out."""
    return Response(answer.model_dump_json(), media_type="application/json")
