"""The page, the description of the API, what can be named in questions, and whether the server takes any."""

from __future__ import annotations

import asyncio
from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse

from chex import __version__
from chex.exports import formats
from serve.answer_schemas import FindingTermOut, Health, RegionTermOut, VocabularyOut
from serve.routes.requests import AtDesk

VIEWER = Path(__file__).parents[1] / "viewer"

router = APIRouter()


@router.get("/healthz", tags=["server"])
async def health() -> Health:
    """Whether the server takes requests."""
    return Health(status="ok", version=__version__)


@router.get("/v1/vocabulary", tags=["server"])
async def vocabulary(desk: AtDesk) -> VocabularyOut:
    """Labels, regions, prompt sets and export formats that requests may name."""
    terms = desk.vocabulary
    return VocabularyOut(
        version=terms.version,
        findings=[
            FindingTermOut(
                id=term.id,
                display=term.display,
                prompt=term.box_prompt,
                synonyms=list(term.synonyms),
                labels=list(term.labels),
            )
            for term in terms.findings.values()
        ],
        regions=[
            RegionTermOut(
                name=term.name,
                prompt=term.prompt,
                synonyms=list(term.synonyms),
                side=term.side,
                parts=list(term.parts),
            )
            for term in (*terms.regions.values(), *terms.grouped.values())
        ],
        prompt_sets={
            name: [query.name or query.text or "" for query in queries] for name, queries in desk.prompt_sets.items()
        },
        export_formats=sorted(await asyncio.to_thread(formats)),
    )


@router.get("/", include_in_schema=False)
async def page() -> FileResponse:
    return FileResponse(VIEWER / "index.html")


@router.get("/docs", include_in_schema=False)
async def docs() -> FileResponse:
    return FileResponse(VIEWER / "docs.html")
