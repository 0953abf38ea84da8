"""What flows through the project: plain frozen records, without torch and without Ray.

Every `Box` is (x_min, y_min, x_max, y_max) in [0, 1], relative to the image that the record belongs to:
the stored image for samples, the original image for findings.
Labels are written `<set>/<name>`, the name spelled as the dataset spells it ("vindr/Pleural effusion").
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Study:
    """One image of one study: who it belongs to and where its bytes are."""

    dataset: str
    split: str  # "train", "validate" or "test"
    patient_id: str
    study_id: str
    image_id: str
    uri: str
    view: str | None = None  # "AP", "PA" or None where the source does not say

    @property
    def sample_id(self) -> str:
        return f"{self.dataset}/{self.image_id}"

    @property
    def public_id(self) -> str:
        """Names the sample in logs and pictures by a hash: image ids of some datasets hold the patient's number."""
        return f"{self.dataset}/{hashlib.sha256(self.sample_id.encode()).hexdigest()[:12]}"


@dataclass(frozen=True, slots=True)
class Region:
    """An anatomical region of one image: its box, and what the report says about it."""

    region: str  # a region name of the vocabulary, "right lung"
    box: Box
    sentences: tuple[str, ...] = ()
    labels_present: tuple[str, ...] = ()
    labelled: bool = False  # False: nothing is known, which is not the same as "nothing is present"


@dataclass(frozen=True, slots=True)
class PathologyBox:
    label: str
    box: Box
    readers: int = 1  # how many readers' boxes were fused into this one


@dataclass(frozen=True, slots=True)
class PathologyLabel:
    label: str
    value: int  # 1 present, 0 absent, -1 uncertain


@dataclass(frozen=True, slots=True)
class GroundedPhrase:
    phrase: str
    boxes: tuple[Box, ...]
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Annotations:
    """Everything one or several sources say about one image."""

    sentences: tuple[str, ...] = ()
    indication: str | None = None
    anatomy: tuple[Region, ...] = ()
    pathology_boxes: tuple[PathologyBox, ...] = ()
    pathology_labels: tuple[PathologyLabel, ...] = ()
    grounded: tuple[GroundedPhrase, ...] = ()

    def joined_with(self, other: Annotations) -> Annotations:
        """Both sources' annotations; the first source's indication wins."""
        return Annotations(
            sentences=self.sentences + other.sentences,
            indication=self.indication or other.indication,
            anatomy=self.anatomy + other.anatomy,
            pathology_boxes=self.pathology_boxes + other.pathology_boxes,
            pathology_labels=self.pathology_labels + other.pathology_labels,
            grounded=self.grounded + other.grounded,
        )


@dataclass(frozen=True, slots=True)
class Sample:
    """One Parquet row: a stored image and its annotations (see pipelines/schema.py)."""

    study: Study
    annotations: Annotations
    image: bytes  # encoded, 8 bit grayscale, lossless
    height: int
    width: int
    original_height: int
    original_width: int
    pixel_notes: tuple[str, ...] = ()  # what was done to the pixels, in order
    source_sha256: str = ""
    converter_version: str = ""


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked of an image: a text, a box, or both. `name` is what a report calls it."""

    text: str | None = None
    box: Box | None = None
    name: str | None = None

    def __post_init__(self) -> None:
        if not (self.text and self.text.strip()) and self.box is None:
            raise ValueError("a query needs a text, a box, or both; both are missing")
        if self.box is not None:
            x_min, y_min, x_max, y_max = self.box
            if not (0 <= x_min < x_max <= 1 and 0 <= y_min < y_max <= 1):
                raise ValueError(
                    "a query box is (x_min, y_min, x_max, y_max) relative to the image, "
                    f"0 <= min < max <= 1; found {tuple(self.box)}"
                )


@dataclass(frozen=True, slots=True)
class ScoredBox:
    box: Box
    score: float


@dataclass(frozen=True, slots=True)
class Finding:
    """The answer to one query. Boxes are relative to the original image, best score first."""

    query: Query
    boxes: tuple[ScoredBox, ...]
    sentence: str | None = None
    probabilities: tuple[tuple[str, float], ...] = ()  # (finding or label asked for, probability)
    parents: tuple[str, ...] = ()  # names of queries whose near-duplicate sentences this one stands for


@dataclass(frozen=True, slots=True)
class Provenance:
    """What a report was made with, enough to make it again."""

    model_name: str
    model_version: str
    weights_sha256: str
    prompt_set: str
    thresholds: tuple[tuple[str, float], ...]
    input_sha256: str
    software_version: str
    sop_instance_uid: str | None = None
    prompts_sha256: str = ""  # of the questions themselves; sets of one name may differ


@dataclass(frozen=True, slots=True)
class Report:
    findings: tuple[Finding, ...]
    text: str
    provenance: Provenance


@dataclass(frozen=True, slots=True)
class SourceImage:
    """The image that a report is about, as far as exports need it."""

    uri: str
    height: int  # rows of the original image; a report's boxes are relative to it
    width: int
    pixels: np.ndarray | None = None  # (H, W) uint8, bone bright, of any size with these proportions
    header: bytes | None = None  # a DICOM file without its pixels (chex.pixels.header_alone); None for JPEG and PNG
