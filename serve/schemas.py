"""What goes in and out over HTTP. Boxes are (x_min, y_min, x_max, y_max), relative to the original image."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from chex.records import Finding, Provenance, Query, Report

Fraction = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
BoxNumbers = tuple[Fraction, Fraction, Fraction, Fraction]
MOST_QUERIES = 128


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class QueryIn(_Strict):
    """A text, a box, or both."""

    text: str | None = Field(None, max_length=300, examples=["pleural effusion"])
    box: BoxNumbers | None = Field(None, examples=[(0.1, 0.5, 0.45, 0.9)])
    name: str | None = Field(None, max_length=100, description="what the answer calls it; the text if left out")

    def record(self) -> Query:
        """Raises ValueError where the records' own rules are broken (nothing asked, box without area)."""
        text = self.text.strip() if self.text else None
        return Query(text=text or None, box=self.box, name=self.name or text or None)


class QueriesIn(_Strict):
    queries: list[QueryIn] = Field(min_length=1, max_length=MOST_QUERIES)


class ReportIn(_Strict):
    prompts: list[QueryIn] | None = Field(
        None, min_length=1, max_length=MOST_QUERIES, description="a prompt set of one's own instead of the default one"
    )


class ImageOut(BaseModel):
    image_id: str = Field(description="hash of the file's content: the same file has the same id")
    width: int
    height: int
    view: str | None
    notes: list[str] = Field(description="what was done to the pixels, in order")
    expires_in_s: int = Field(description="after so long without a question the image must be uploaded again")


class ScoredBoxOut(BaseModel):
    box: BoxNumbers
    score: float


class QueryOut(BaseModel):
    name: str | None
    text: str | None
    box: BoxNumbers | None


class FindingOut(BaseModel):
    query: QueryOut
    boxes: list[ScoredBoxOut] = Field(description="best score first")
    sentence: str | None
    probabilities: dict[str, float]
    parents: list[str] = Field(description="queries whose nearly equal sentences this one stands for")

    @classmethod
    def of(cls, finding: Finding) -> FindingOut:
        query = finding.query
        return cls(
            query=QueryOut(name=query.name, text=query.text, box=query.box),
            boxes=[ScoredBoxOut(box=scored.box, score=scored.score) for scored in finding.boxes],
            sentence=finding.sentence,
            probabilities=dict(finding.probabilities),
            parents=list(finding.parents),
        )


class AnswersOut(BaseModel):
    findings: list[FindingOut]


class ProvenanceOut(BaseModel):
    model_name: str
    model_version: str
    weights_sha256: str
    prompt_set: str
    thresholds: dict[str, float]
    input_sha256: str
    software_version: str
    sop_instance_uid: str | None

    @classmethod
    def of(cls, provenance: Provenance) -> ProvenanceOut:
        fields = {name: getattr(provenance, name) for name in cls.model_fields}
        return cls(**fields | {"thresholds": dict(provenance.thresholds)})


class ReportOut(BaseModel):
    text: str
    findings: list[FindingOut]
    provenance: ProvenanceOut

    @classmethod
    def of(cls, report: Report) -> ReportOut:
        findings = [FindingOut.of(finding) for finding in report.findings]
        return cls(text=report.text, findings=findings, provenance=ProvenanceOut.of(report.provenance))


class Health(BaseModel):
    status: str
    version: str


class Problem(BaseModel):
    """RFC 9457."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str | None = None
    errors: list[dict] | None = Field(None, description="for 422: where in the request what is wrong")
