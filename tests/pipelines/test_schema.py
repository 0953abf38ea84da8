from __future__ import annotations

import pyarrow as pa
import pytest

from chex.records import (
    Annotations,
    GroundedPhrase,
    PathologyBox,
    PathologyLabel,
    Region,
    Sample,
    Study,
)
from pipelines.schema import ARROW_SCHEMA, FILE_SCHEMA, from_row, to_row

FULL = Sample(
    study=Study("vindr-cxr", "train", "p", "s", "i", "s3://b/i.dicom", "PA"),
    annotations=Annotations(
        sentences=("One.", "Two."),
        indication="Cough",
        anatomy=(Region("right lung", (0.1, 0.2, 0.3, 1 / 3), ("Clear.",), ("cig/lung opacity",), True),),
        pathology_boxes=(PathologyBox("vindr/ILD", (0.0, 0.0, 1.0, 1.0), 3),),
        pathology_labels=(PathologyLabel("chexpert/Edema", -1), PathologyLabel("vindr/ILD", 1)),
        grounded=(GroundedPhrase("a nodule", ((0.1, 0.1, 0.2, 0.2), (0.5, 0.5, 0.6, 0.6)), "ms-cxr/Lung Opacity"),),
    ),
    image=b"\x89PNG",
    height=3,
    width=4,
    original_height=30,
    original_width=40,
    pixel_notes=("MONOCHROME1 inverted",),
    source_sha256="0" * 64,
    converter_version="1",
)
BARE = Sample(
    study=Study("nih-cxr14", "test", "p", "s", "i", "i.png"),
    annotations=Annotations(),
    image=b"x",
    height=1,
    width=1,
    original_height=1,
    original_width=1,
)


@pytest.mark.parametrize("sample", [FULL, BARE])
def test_samples_survive_arrow_exactly(sample):
    row = to_row(sample)
    assert list(row) == ARROW_SCHEMA.names
    table = pa.Table.from_pylist([row], ARROW_SCHEMA)
    assert from_row(table.to_pylist()[0]) == sample


def test_the_columns_are_those_of_the_design():
    assert set(ARROW_SCHEMA.names) == {
        "sample_id",
        "dataset",
        "split",
        "patient_id",
        "study_id",
        "image_id",
        "view",
        "image",
        "height",
        "width",
        "original_height",
        "original_width",
        "pixel_notes",
        "sentences",
        "indication",
        "anatomy",
        "pathology_boxes",
        "pathology_labels",
        "grounded",
        "source_uri",
        "source_sha256",
        "converter_version",
    }
    assert set(ARROW_SCHEMA.names) - set(FILE_SCHEMA.names) == {"dataset", "split"}
    assert to_row(FULL)["sample_id"] == "vindr-cxr/i"


def test_missing_columns_come_back_empty():
    sample = from_row({"image": b"x", "pathology_labels": None})
    assert (sample.image, sample.annotations, sample.height) == (b"x", Annotations(), 0)


def test_a_box_needs_four_numbers():
    row = to_row(FULL)
    row["pathology_boxes"][0]["box"] = [0.1, 0.2, 0.3]
    with pytest.raises(ValueError, match="x_min, y_min, x_max, y_max"):
        from_row(row)
