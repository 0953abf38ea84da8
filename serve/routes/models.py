"""Who answers here, before anything is asked."""

from __future__ import annotations

from fastapi import APIRouter

from chex import __version__
from serve.answer_schemas import ModelOut, Problem
from serve.routes.requests import AtDesk, Deadline

router = APIRouter(tags=["server"])


@router.get("/v1/model", responses={status: {"model": Problem} for status in (422, 503, 504)})
async def model(desk: AtDesk, deadline: Deadline) -> ModelOut:
    """The model, and what must be known about it before its answers are read."""
    about = await desk.asking.about(deadline)
    return ModelOut(**about, prompt_set=next(iter(desk.prompt_sets)), software_version=__version__)
