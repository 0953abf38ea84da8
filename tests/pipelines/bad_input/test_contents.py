"""Tables that are readable and say what cannot be: patients in two splits, labels that are none, no row at all."""

from __future__ import annotations

import pytest

from tests.pipelines.bad_input import bad_tables
from tests.pipelines.bad_input.test_tables import refusal
from tests.pipelines.converted_sources import convert_small
from tests.pipelines.small_sources import SmallSource, read_table, write_source


def test_a_patient_in_two_splits(tmp_path):
    mimic = write_source("mimic-cxr-jpg", tmp_path)
    metadata = mimic.root / "mimic-cxr-2.0.0-metadata.csv.gz"
    first = read_table(metadata)[1]
    bad_tables.set_cell(metadata, "subject_id", first[1], row=6)
    assert "found 1 patients with images in several" in refusal(mimic)
    bad_tables.set_cell(metadata, "study_id", first[2], row=6)
    message = refusal(mimic)
    assert "found 1 studies with images in several" in message
    assert "splits are those of column 'split' of" in message and "mimic-cxr-2.0.0-split.csv.gz" in message


def test_a_patient_of_nih_in_both_lists(tmp_path):
    nih = write_source("nih-cxr14", tmp_path)
    bad_tables.set_cell(nih.root / "Data_Entry_2017_v2020.csv", "Patient ID", "0", row=6)
    result = convert_small(nih, tmp_path / "shards")
    assert sum(result.manifest["left_out"]["nih-cxr14"].values()) == 1, "left out of the training, and counted"
    assert nih.images[0].stem not in result.images()


@pytest.mark.parametrize("name", ["train_val_list.txt", "test_list.txt"])
@pytest.mark.parametrize(
    ("content", "expected"),
    [(b"", "an empty file"), ("a.png".encode("utf-16"), "expected UTF-8 text"), (b"\0\0", "bytes that are no text")],
)
def test_lists_of_nih(name, content, expected, tmp_path):
    nih = write_source("nih-cxr14", tmp_path)
    (nih.root / name).write_bytes(content)
    message = refusal(nih)
    assert name in message and expected in message


def test_an_image_in_both_lists_of_nih(tmp_path):
    nih = write_source("nih-cxr14", tmp_path)
    (nih.root / "test_list.txt").write_text("\n".join(image.name for image in nih.images[-2:]))
    message = refusal(nih)
    assert "train_val_list.txt" in message and "test_list.txt" in message


@pytest.mark.parametrize("value", ["maybe", "2", "1,0", "nan", "-1.5"])
def test_labels_of_mimic(value, tmp_path):
    small = write_source("mimic-cxr-jpg", tmp_path)
    bad_tables.set_cell(small.root / "mimic-cxr-2.0.0-chexpert.csv.gz", "Edema", value, row=3)
    message = refusal(small)
    assert f"chexpert.csv.gz: column 'Edema' holds 1.0, 0.0, -1.0 or nothing; found {value!r} in row 3" in message


def test_classes_of_vindr(tmp_path):
    small = write_source("vindr-cxr", tmp_path)
    bad_tables.set_cell(small.root / "annotations/annotations_train.csv", "class_name", "IDL")
    assert "annotations_train.csv: column 'class_name': unknown class 'IDL'" in refusal(small)


def header_only(small: SmallSource, table: str) -> None:
    bad_tables.cells(small.root / table, lambda rows: rows[:1])


@pytest.mark.parametrize(
    ("kind", "table"),
    [
        ("mimic-cxr-jpg", "mimic-cxr-2.0.0-metadata.csv.gz"),
        ("mimic-cxr-jpg", "mimic-cxr-2.0.0-split.csv.gz"),
        ("mimic-cxr-jpg", "mimic-cxr-2.0.0-chexpert.csv.gz"),
        ("mimic-cxr-dicom", "mimic-cxr-2.0.0-metadata.csv.gz"),
        ("nih-cxr14", "Data_Entry_2017_v2020.csv"),
        ("vindr-cxr", "annotations/image_labels_train.csv"),
        ("vindr-cxr", "annotations/image_labels_test.csv"),
        ("open-i", "indiana_projections.csv"),
    ],
)
def test_tables_without_a_row(kind, table, tmp_path):
    small = write_source(kind, tmp_path)
    header_only(small, table)
    message = refusal(small)
    assert table in message and "expected at least one row; found a header only" in message


@pytest.mark.parametrize(
    ("kind", "table"),
    [
        ("chest-imagenome", "silver_dataset/splits/images_to_avoid.csv"),
        ("ms-cxr", "MS_CXR_Local_Alignment_v1.0.0.csv"),
        ("nih-cxr14", "BBox_List_2017.csv"),
        ("vindr-cxr", "annotations/annotations_train.csv"),
    ],
)
def test_a_small_part_of_a_dataset_may_have_no_boxes(kind, table, tmp_path):
    small = write_source(kind, tmp_path)
    header_only(small, table)
    assert len(convert_small(small, tmp_path / "shards").images()) == len(small.images)


@pytest.mark.parametrize(
    ("kind", "table", "lost"),
    [
        ("mimic-cxr-jpg", "mimic-cxr-2.0.0-metadata.csv.gz", 3),
        ("mimic-cxr-dicom", "mimic-cxr-2.0.0-metadata.csv.gz", 3),
        ("mimic-cxr-jpg", "mimic-cxr-2.0.0-split.csv.gz", 3),
        ("nih-cxr14", "Data_Entry_2017_v2020.csv", 3),
        ("vindr-cxr", "annotations/image_labels_train.csv", 2),
        ("open-i", "indiana_projections.csv", 3),
    ],
)
def test_a_table_cut_off_between_two_rows_loses_no_image_silently(kind, table, lost, tmp_path):
    small = write_source(kind, tmp_path)
    bad_tables.cells(small.root / table, lambda rows: rows[: 1 + len(rows) // 2])
    manifest = convert_small(small, tmp_path / "shards").manifest
    assert manifest["inputs"] == len(small.images)
    assert sum(count for reasons in manifest["left_out"].values() for count in reasons.values()) == lost


def test_text_that_is_no_utf_8_in_a_column_nobody_reads(tmp_path):
    small = write_source("mimic-cxr-jpg", tmp_path)
    table = small.root / "mimic-cxr-2.0.0-metadata.csv.gz"
    bad_tables.content(lambda text: text.replace(b"CHEST", b"\xc9CHEST"))(table)
    assert "metadata.csv.gz: expected a CSV table as UTF-8 text; line 2 is none" in refusal(small)
