"""Who answers here, before anything is asked."""

from __future__ import annotations

from fastapi import APIRouter

from chex import __version__
from serve.answer_schemas import ModelOut, Problem
from serve.routes.requests import AtDesk

router = APIRouter(tags=["server"])


@router.get("/v1/model", responses={503: {"model": Problem}})
async def model(desk: AtDesk) -> ModelOut:
    """The model, and what must be known about it before its answers are read."""
    about = await desk.asking.about()
    return ModelOut(**about, prompt_set=next(iter(desk.prompt_sets)), software_version=__version__)
