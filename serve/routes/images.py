"""Images come in, and are shown."""

from __future__ import annotations

import asyncio
from typing import Annotated

import numpy as np
from fastapi import APIRouter, File, Request, UploadFile
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from chex.pixels import encode_stored
from serve.answer_schemas import ImageOut
from serve.desk import Desk
from serve.images import Kept
from serve.routes.requests import PROBLEMS, STATELESS_PROBLEMS, AtDesk, Deadline, content

DICOM = "application/dicom"
PICTURE = {200: {"content": {"image/png": {}}}}
DICOM_BODY = {"requestBody": {"content": {DICOM: {"schema": {"type": "string", "format": "binary"}}}}}

router = APIRouter(tags=["images"])


@router.post("/v1/images", status_code=201, responses=STATELESS_PROBLEMS, openapi_extra=DICOM_BODY)
async def upload(
    request: Request,
    desk: AtDesk,
    deadline: Deadline,
    file: Annotated[UploadFile | None, File(description="a DICOM, JPEG or PNG file")] = None,
) -> ImageOut:
    """Takes in one radiograph, as a form's `file` or as a DICOM body. It is forgotten when it is not asked for a while."""
    if file is not None:
        data = await content(file)
    elif request.headers.get("content-type", "").partition(";")[0].strip().lower() == DICOM:
        data = await request.body()
    else:
        raise HTTPException(422, f"a file is missing: a form (multipart/form-data) with a field `file`, or {DICOM}")
    return described(desk, await desk.images.keep(data, deadline))


@router.get("/v1/images/{image_id}/pixels", responses=PROBLEMS | PICTURE, response_class=Response)
async def pixels(image_id: str, desk: AtDesk) -> Response:
    """The image as PNG, as the model sees it: browsers show no DICOM."""
    shown: np.ndarray = await desk.images.get(image_id).stored.pixels
    return Response(await asyncio.to_thread(encode_stored, shown), media_type="image/png")


def described(desk: Desk, kept: Kept) -> ImageOut:
    return ImageOut(
        image_id=kept.stored.image_id,
        width=kept.width,
        height=kept.height,
        view=kept.view,
        notes=list(kept.notes),
        expires_in_s=int(desk.images.seconds) if kept.stored.stays else 0,
    )
