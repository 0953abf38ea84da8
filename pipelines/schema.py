"""One Parquet row: Sample to row and back, with the schema and its version.

Files leave out `dataset` and `split`: these are the folders they lie in, as Hive, Spark, DuckDB and pyarrow expect.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from chex.records import (
    Annotations,
    GroundedPhrase,
    PathologyBox,
    PathologyLabel,
    Region,
    Sample,
    Study,
)

SCHEMA_VERSION = "1"
VERSION_KEY = b"chex.schema_version"

_BOX = pa.list_(pa.float64())  # x_min, y_min, x_max, y_max relative to the image
_TEXTS = pa.list_(pa.string())

ARROW_SCHEMA = pa.schema(
    [
        pa.field("sample_id", pa.string(), nullable=False),
        pa.field("dataset", pa.string(), nullable=False),
        pa.field("split", pa.string(), nullable=False),
        pa.field("patient_id", pa.string(), nullable=False),
        pa.field("study_id", pa.string(), nullable=False),
        pa.field("image_id", pa.string(), nullable=False),
        pa.field("view", pa.string()),
        pa.field("image", pa.binary(), nullable=False),  # PNG, 8 bit grayscale
        pa.field("height", pa.int32(), nullable=False),
        pa.field("width", pa.int32(), nullable=False),
        pa.field("original_height", pa.int32(), nullable=False),
        pa.field("original_width", pa.int32(), nullable=False),
        pa.field("pixel_notes", _TEXTS),
        pa.field("sentences", _TEXTS),
        pa.field("indication", pa.string()),
        pa.field(
            "anatomy",
            pa.list_(
                pa.struct(
                    [
                        ("region", pa.string()),
                        ("box", _BOX),
                        ("sentences", _TEXTS),
                        ("labels_present", _TEXTS),
                        ("labelled", pa.bool_()),
                    ]
                )
            ),
        ),
        pa.field(
            "pathology_boxes", pa.list_(pa.struct([("label", pa.string()), ("box", _BOX), ("readers", pa.int32())]))
        ),
        pa.field("pathology_labels", pa.list_(pa.struct([("label", pa.string()), ("value", pa.int8())]))),
        pa.field(
            "grounded",
            pa.list_(pa.struct([("phrase", pa.string()), ("boxes", pa.list_(_BOX)), ("label", pa.string())])),
        ),
        pa.field("source_uri", pa.string(), nullable=False),
        pa.field("source_sha256", pa.string(), nullable=False),
        pa.field("converter_version", pa.string(), nullable=False),
    ]
)
PARTITION_COLUMNS = ("dataset", "split")
FILE_SCHEMA = pa.schema([field for field in ARROW_SCHEMA if field.name not in PARTITION_COLUMNS])


def to_row(sample: Sample) -> dict[str, Any]:
    """The row of a sample, with all columns of ARROW_SCHEMA."""
    study, said = sample.study, sample.annotations
    return {
        "sample_id": study.sample_id,
        "dataset": study.dataset,
        "split": study.split,
        "patient_id": study.patient_id,
        "study_id": study.study_id,
        "image_id": study.image_id,
        "view": study.view,
        "image": sample.image,
        "height": sample.height,
        "width": sample.width,
        "original_height": sample.original_height,
        "original_width": sample.original_width,
        "pixel_notes": list(sample.pixel_notes),
        "sentences": list(said.sentences),
        "indication": said.indication,
        "anatomy": [
            {
                "region": region.region,
                "box": list(region.box),
                "sentences": list(region.sentences),
                "labels_present": list(region.labels_present),
                "labelled": region.labelled,
            }
            for region in said.anatomy
        ],
        "pathology_boxes": [
            {"label": found.label, "box": list(found.box), "readers": found.readers} for found in said.pathology_boxes
        ],
        "pathology_labels": [{"label": found.label, "value": found.value} for found in said.pathology_labels],
        "grounded": [
            {"phrase": found.phrase, "boxes": [list(box) for box in found.boxes], "label": found.label}
            for found in said.grounded
        ],
        "source_uri": study.uri,
        "source_sha256": sample.source_sha256,
        "converter_version": sample.converter_version,
    }


def from_row(row: Mapping[str, Any]) -> Sample:
    """The sample of a row; columns that were not read come back empty (0 for sizes).

    Raises:
        ValueError: a box has not four numbers.
    """

    def each(column: str) -> list[Any]:
        return row.get(column) or []

    study = Study(
        dataset=row.get("dataset") or "",
        split=row.get("split") or "",
        patient_id=row.get("patient_id") or "",
        study_id=row.get("study_id") or "",
        image_id=row.get("image_id") or "",
        uri=row.get("source_uri") or "",
        view=row.get("view"),
    )
    annotations = Annotations(
        sentences=tuple(each("sentences")),
        indication=row.get("indication"),
        anatomy=tuple(
            Region(
                region["region"],
                _box(region["box"]),
                tuple(region["sentences"] or ()),
                tuple(region["labels_present"] or ()),
                bool(region["labelled"]),
            )
            for region in each("anatomy")
        ),
        pathology_boxes=tuple(
            PathologyBox(found["label"], _box(found["box"]), found["readers"]) for found in each("pathology_boxes")
        ),
        pathology_labels=tuple(PathologyLabel(found["label"], found["value"]) for found in each("pathology_labels")),
        grounded=tuple(
            GroundedPhrase(found["phrase"], tuple(_box(box) for box in found["boxes"]), found["label"])
            for found in each("grounded")
        ),
    )
    return Sample(
        study=study,
        annotations=annotations,
        image=row.get("image") or b"",
        height=row.get("height") or 0,
        width=row.get("width") or 0,
        original_height=row.get("original_height") or 0,
        original_width=row.get("original_width") or 0,
        pixel_notes=tuple(each("pixel_notes")),
        source_sha256=row.get("source_sha256") or "",
        converter_version=row.get("converter_version") or "",
    )


def _box(numbers: list[float]) -> tuple[float, float, float, float]:
    if len(numbers) != 4:
        raise ValueError(f"a box is x_min, y_min, x_max, y_max; found {list(numbers)}")
    x_min, y_min, x_max, y_max = (float(number) for number in numbers)
    return x_min, y_min, x_max, y_max
