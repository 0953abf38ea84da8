"""A report as a file for other systems, by the model or as a reader has accepted it."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from chex.exports import Format, NotExportable, formats
from chex.records import Finding, Provenance, Query, Report, ScoredBox, SourceImage
from serve.desk import Desk
from serve.images import Kept
from serve.questions import ReportWanted
from serve.routes.requests import PROBLEMS, AtDesk, Deadline
from serve.schemas import EditedFinding, ExportIn, ReportIn

EDITED = "edited by the reader"
FILE = {200: {"content": {"*/*": {"schema": {"type": "string", "format": "binary"}}}, "description": "the file"}}

router = APIRouter(tags=["exports"])


@router.post("/v1/images/{image_id}/export", responses=PROBLEMS | FILE, response_class=Response)
async def export(image_id: str, asked: ExportIn, desk: AtDesk, deadline: Deadline) -> Response:
    """The report as a file: with the findings given, or else the model's own. /v1/vocabulary names the formats."""
    kept = desk.images.get(image_id)
    available = await asyncio.to_thread(formats)
    if asked.format not in available:
        raise HTTPException(422, f"format: unknown; there are {', '.join(sorted(available))}")
    chosen = available[asked.format]
    report = await _report(desk, kept, asked, deadline)
    pixels = await kept.stored.pixels if "pixels" in chosen.NEEDS else None
    source = SourceImage(image_id, kept.height, kept.width, pixels=pixels, header=kept.header)
    try:
        file = await asyncio.to_thread(_file, chosen, report, source)
    except NotExportable as problem:
        raise HTTPException(422, f"{asked.format}: {problem}") from problem
    name = f"report-{image_id[:8]}{chosen.SUFFIX}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(file, media_type=chosen.MEDIA_TYPE, headers=headers)


async def _report(desk: Desk, kept: Kept, asked: ExportIn, deadline: float) -> Report:
    if asked.findings is None:
        return await desk.asking.report(*desk.report_question(kept, ReportIn(prompt_set=asked.prompt_set), deadline))
    findings = tuple(map(_finding, asked.findings))
    text = " ".join(_as_sentence(finding.sentence) for finding in findings)
    return Report(findings, text, await _provenance(desk, kept, asked, deadline))


async def _provenance(desk: Desk, kept: Kept, asked: ExportIn, deadline: float) -> Provenance:
    """What made the report that was read; the model served now may be another."""
    made = asked.provenance
    if made is None:
        return await desk.asking.provenance(ReportWanted(deadline, EDITED, (), kept.sha256, kept.sop_instance_uid))
    if made.input_sha256 != kept.sha256:
        raise HTTPException(422, "provenance: it is of a report on another image")
    told = made.model_dump() | {"thresholds": tuple(made.thresholds.items())}
    if asked.edited:
        told["prompt_set"] = f"{made.prompt_set}, {EDITED}" if made.prompt_set else EDITED
    return Provenance(**told, sop_instance_uid=kept.sop_instance_uid)


def _finding(edited: EditedFinding) -> Finding:
    query = edited.query
    name = query.name if query else None
    text = query.text if query else None
    return Finding(
        query=Query(text=text or name or edited.sentence, box=query.box if query else None, name=name),
        boxes=tuple(ScoredBox(scored.box, scored.score) for scored in edited.boxes),
        sentence=edited.sentence.strip(),
        probabilities=tuple(edited.probabilities.items()),
        parents=tuple(edited.parents),
    )


def _as_sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _file(chosen: Format, report: Report, source: SourceImage) -> bytes:
    file = chosen.encode(report, source)
    return chosen.join([file]) if hasattr(chosen, "join") else file
