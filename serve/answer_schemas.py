"""What comes out over HTTP. Boxes are (x_min, y_min, x_max, y_max): relative to the original image, and in its pixels."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from chex.exports.statements import states_presence
from chex.records import Box, Finding, Provenance, Report

EVENT_STREAM = "text/event-stream"  # what a client accepts that wants a report in pieces
Numbers = tuple[float, float, float, float]


class ImageOut(BaseModel):
    image_id: str = Field(description="hash of the file's content: the same file has the same id")
    width: int = Field(description="of the original image, in pixels")
    height: int
    view: str | None
    notes: list[str] = Field(description="what was done to the pixels, in order")
    expires_in_s: int = Field(description="after so long without a question the image must be uploaded again")


class ScoredBoxOut(BaseModel):
    box: Numbers = Field(description="relative to the original image")
    box_px: Numbers = Field(description="the same in pixels of the original image")
    score: float


class QueryOut(BaseModel):
    name: str | None
    text: str | None
    box: Numbers | None


class FindingOut(BaseModel):
    query: QueryOut
    boxes: list[ScoredBoxOut] = Field(description="best score first; those below the model's threshold are left out")
    sentence: str | None
    probabilities: dict[str, float] = Field(description="of the finding asked about, and of the labels asked for")
    parents: list[str] = Field(description="queries whose nearly equal sentences this one stands for")
    present: bool | None = Field(description="whether the sentence says that something is there; null without sentence")

    @classmethod
    def of(cls, finding: Finding, size: tuple[int, int]) -> FindingOut:
        """size: (width, height) of the original image."""
        query = finding.query
        return cls.model_construct(
            query=QueryOut.model_construct(name=query.name, text=query.text, box=query.box),
            boxes=[
                ScoredBoxOut.model_construct(box=scored.box, box_px=_in_pixels(scored.box, size), score=scored.score)
                for scored in finding.boxes
            ],
            sentence=finding.sentence,
            probabilities=dict(finding.probabilities),
            parents=list(finding.parents),
            present=states_presence(finding) if finding.sentence else None,
        )


class AnswersOut(BaseModel):
    findings: list[FindingOut]


class ProvenanceOut(BaseModel):
    model_name: str
    model_version: str
    weights_sha256: str
    prompt_set: str
    prompts_sha256: str
    thresholds: dict[str, float]
    input_sha256: str
    software_version: str
    sop_instance_uid: str | None

    @classmethod
    def of(cls, provenance: Provenance) -> ProvenanceOut:
        fields = {name: getattr(provenance, name) for name in cls.model_fields}
        return cls.model_construct(**fields | {"thresholds": dict(provenance.thresholds)})


class ReportOut(BaseModel):
    text: str
    findings: list[FindingOut]
    provenance: ProvenanceOut

    @classmethod
    def of(cls, report: Report, size: tuple[int, int]) -> ReportOut:
        """size: (width, height) of the original image."""
        return cls.model_construct(
            text=report.text,
            findings=[FindingOut.of(finding, size) for finding in report.findings],
            provenance=ProvenanceOut.of(report.provenance),
        )


class Problem(BaseModel):
    """RFC 9457."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str | None = None
    errors: list[dict] | None = Field(None, description="for 422: where in the request what is wrong")
    request_id: str | None = Field(None, description="by which the server's logs know this request")
    retry_after_s: int | None = Field(None, description="for 503: after so many seconds asking again may help")


class ImageAnswersOut(AnswersOut):
    """Answers of a request that brought its image."""

    image: ImageOut


class ImageReportOut(ReportOut):
    """The report of a request that brought its image."""

    image: ImageOut


class BatchItemOut(BaseModel):
    """One file of several, in the order in which they came: answered, or with its own problem."""

    image: ImageOut | None = None
    findings: list[FindingOut] | None = None
    text: str | None = Field(None, description="of a report")
    provenance: ProvenanceOut | None = Field(None, description="of a report")
    problem: Problem | None = None


class BatchOut(BaseModel):
    images: list[BatchItemOut]


class FindingTermOut(BaseModel):
    id: str
    display: str
    prompt: str = Field(description="the text that asks where it is")
    synonyms: list[str]
    labels: list[str] = Field(description="what datasets call it")


class RegionTermOut(BaseModel):
    name: str
    prompt: str = Field(description="the text that asks for it")
    synonyms: list[str]
    side: Literal["right", "left"] | None = Field(description="the patient's; null for what has no side")
    parts: list[str] = Field(description="the two regions of a pair under one name")


class VocabularyOut(BaseModel):
    """What can be named in requests."""

    version: str
    findings: list[FindingTermOut]
    regions: list[RegionTermOut] = Field(description="regions, then pairs of them")
    prompt_sets: dict[str, list[str]] = Field(description="names of what each set asks")
    export_formats: list[str]


class ModelOut(BaseModel):
    model_name: str
    model_version: str
    weights_sha256: str
    notice: str | None = Field(description="what must be known before its answers are read, e.g. what it never saw")
    prompt_set: str = Field(description="what a report asks if nothing else is asked for")
    software_version: str


class Health(BaseModel):
    status: Literal["ok"]
    version: str


def _in_pixels(box: Box, size: tuple[int, int]) -> Numbers:
    width, height = size
    return box[0] * width, box[1] * height, box[2] * width, box[3] * height
