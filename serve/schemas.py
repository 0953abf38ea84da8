"""What goes in over HTTP. Boxes are (x_min, y_min, x_max, y_max), relative to the original image."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from chex.records import Query

Fraction = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
BoxNumbers = tuple[Fraction, Fraction, Fraction, Fraction]
Label = Annotated[str, Field(min_length=1, max_length=100)]
MOST_QUERIES = 128
MOST_LABELS = 256
LONGEST_TEXT = 300  # letters of a query
MOST_WORDS = 2000  # letters of a sentence that a reader wrote


def _with_area(box: tuple[float, ...]) -> tuple[float, ...]:
    if not (box[0] < box[2] and box[1] < box[3]):
        raise ValueError("x_min < x_max and y_min < y_max are expected")
    return box


Area = Annotated[BoxNumbers, AfterValidator(_with_area)]
Words = Annotated[str, Field(max_length=LONGEST_TEXT), AfterValidator(lambda text: text.strip() or None)]
Sha256 = Annotated[str, Field(pattern="^([0-9a-f]{64})?$")]
Printed = Annotated[str, Field(max_length=100, pattern=r"^[\w .,:;()/+@-]*$")]  # in other systems' records


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class QueryIn(_Strict):
    """A text (a finding, a region, a whole sentence to ground), a box, or both."""

    text: str | None = Field(None, max_length=LONGEST_TEXT, examples=["pleural effusion"])
    box: BoxNumbers | None = Field(None, examples=[(0.1, 0.5, 0.45, 0.9)])
    name: str | None = Field(None, max_length=100, description="what the answer calls it; the text if left out")
    labels: list[Label] | None = Field(
        None, max_length=MOST_LABELS, description="findings to tell the probability of here, instead of the request's"
    )

    def record(self) -> Query:
        """Raises ValueError where the records' own rules are broken (nothing asked, box without area)."""
        text = self.text.strip() if self.text else None
        return Query(text=text or None, box=self.box, name=self.name or text or None)


class QueriesIn(_Strict):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"queries": [{"text": "pleural effusion"}, {"box": [0.1, 0.5, 0.45, 0.9]}]},
                {"queries": [{"text": "There is a small left pleural effusion."}], "sentences": False},
                {"queries": [{"box": [0.1, 0.5, 0.45, 0.9]}], "labels": ["pneumothorax", "chexpert/Edema"]},
                {"queries": [{"text": "opacity", "box": [0.55, 0.5, 0.9, 0.9], "name": "left base"}]},
            ]
        }
    )

    queries: list[QueryIn] = Field(min_length=1, max_length=MOST_QUERIES)
    labels: list[Label] = Field(
        [],
        max_length=MOST_LABELS,
        description="findings (ids or dataset labels) to tell the probability of, for each query",
    )
    sentences: bool = Field(True, description="false: boxes and probabilities alone, which is faster")


class ReportIn(_Strict):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {},
                {"prompt_set": "chexpert"},
                {"prompts": [{"text": "cardiomegaly"}, {"name": "marked", "box": [0.1, 0.5, 0.45, 0.9]}]},
            ]
        }
    )

    prompts: list[QueryIn] | None = Field(
        None, min_length=1, max_length=MOST_QUERIES, description="a prompt set of one's own instead of a named one"
    )
    prompt_set: str | None = Field(None, max_length=100, description="one of those that /v1/vocabulary names")


class EditedBox(BaseModel):
    box: Area
    score: Fraction = 1.0


class EditedQuery(BaseModel):
    """What was asked, as answers repeat it: what had no name is called by its text."""

    name: Words | None = None
    text: Words | None = None
    box: Area | None = None


class EditedFinding(BaseModel):
    """A finding as the server gave it, accepted or rewritten by the reader; only the sentence is needed."""

    sentence: str = Field(min_length=1, max_length=MOST_WORDS, pattern=r"\S")
    boxes: list[EditedBox] = Field([], max_length=16)
    query: EditedQuery | None = None
    probabilities: dict[Label, Fraction] = Field({}, max_length=MOST_LABELS)
    parents: list[Label] = Field([], max_length=MOST_QUERIES)


class MadeWith(BaseModel):
    """A report's `provenance`, as the server gave it."""

    model_name: Printed
    model_version: Printed
    weights_sha256: Sha256
    prompt_set: Printed
    prompts_sha256: Sha256
    thresholds: dict[Label, Annotated[float, Field(allow_inf_nan=False)]] = Field(max_length=50)
    input_sha256: Sha256
    software_version: Printed


class ExportIn(_Strict):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"format": "text"},
                {
                    "format": "dicom-sr",
                    "findings": [
                        {"sentence": "Small left pleural effusion.", "boxes": [{"box": [0.55, 0.6, 0.9, 0.9]}]}
                    ],
                },
            ]
        }
    )

    format: str = Field(max_length=40, description="one of those that /v1/vocabulary names")
    findings: list[EditedFinding] | None = Field(
        None, max_length=MOST_QUERIES, description="as the reader accepts them; the report's own if left out"
    )
    prompt_set: str | None = Field(None, max_length=100, description="of the report, where no findings are given")
    provenance: MadeWith | None = Field(
        None,
        description="of the report that the findings are of: the file names what made that; by default, what is served now",
    )
    edited: bool = Field(True, description="false: the findings are as the report had them")
