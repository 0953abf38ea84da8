"""NIH ChestX-ray14: the real subset, and the layouts that users have."""

from __future__ import annotations

import csv
from collections import Counter

import pytest

from chex.records import Study
from pipelines.adapters import ImageSource, SourceError, UnusableInput, open_source

HEADER = (
    "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
    "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y]\n"
)
ENTRIES = """00000001_000.png,Cardiomegaly|Effusion,0,1,57,M,PA,2682,2749,0.14,0.14
00000002_000.png,No Finding,0,2,80,M,AP,2500,2048,0.17,0.17
00000003_000.png,Rickets,0,3,80,M,AP,2500,2048,0.17,0.17
00000004_000.png,Mass,0,4,80,M,AP,2500,2048,0.17,0.17
"""
BOXES = "Image Index,Finding Label,Bbox [x,y,w,h],,,\n"


@pytest.fixture
def nih(tmp_path):
    (tmp_path / "Data_Entry_2017.csv").write_text(HEADER + ENTRIES)
    (tmp_path / "BBox_List_2017.csv").write_text(
        BOXES + "00000001_000.png,Effusion,512,256,256,128,,,\n00000001_000.png,Infiltrate,0,0,1030,512\n"
    )
    (tmp_path / "train_val_list.txt").write_text("00000001_000.png\n00000003_000.png")
    (tmp_path / "test_list.txt").write_text("00000002_000.png\n")
    for number in (1, 2):
        folder = tmp_path / f"images_{number:03}" / "images"
        folder.mkdir(parents=True)
        (folder / f"0000000{number}_000.png").write_bytes(b"")
    return tmp_path


def test_layout_of_twelve_folders(nih):
    source = open_source("nih-cxr14", str(nih))
    assert isinstance(source, ImageSource)
    source.check()
    studies = list(source.studies())
    assert [study.image_id for study in studies] == ["00000001_000", "00000002_000", "00000003_000"]
    assert studies[0].uri.endswith("/images_001/images/00000001_000.png")
    assert studies[1].split == "test" and studies[1].view == "AP"
    assert source.left_out() == {"in neither train_val_list.txt nor test_list.txt": 1}


def test_boxes_of_images_that_are_not_there_are_counted(nih):
    with (nih / "BBox_List_2017.csv").open("a") as boxes:
        boxes.write("00000009_000.png,Effusion,1,1,9,9\n00000009_000.png,Mass,1,1,9,9\n")
    source = open_source("nih-cxr14", str(nih))
    assert len(list(source.studies())) == 3
    assert source.left_out()["boxes of an image without labels"] == 1


def test_boxes_and_labels(nih):
    source = open_source("nih-cxr14", str(nih))
    first, second, third = source.studies()
    found = source.annotations(first, 64, 64)
    assert [(box.label, box.box) for box in found.pathology_boxes] == [
        ("nih/Effusion", (0.5, 0.25, 0.75, 0.375)),
        ("nih/Infiltration", (0.0, 0.0, 1.0, 0.5)),
    ], "clipped to the image"
    assert len(found.pathology_labels) == 14
    assert {label.label for label in found.pathology_labels if label.value} == {"nih/Cardiomegaly", "nih/Effusion"}
    assert not any(label.value for label in source.annotations(second, 64, 64).pathology_labels)
    with pytest.raises(UnusableInput, match="Rickets"):
        source.annotations(third, 64, 64)


def test_both_generations_of_the_table_of_images(nih):
    """The older one ends its lines with a comma and writes ages as 058Y; where both lie there, the newer one counts."""
    older = nih / "Data_Entry_2017.csv"
    expected = list(open_source("nih-cxr14", str(nih)).studies())
    lines = (HEADER + ENTRIES).replace(",57,M", ",057Y,M").splitlines()
    older.write_text("".join(f"{line},\n" for line in lines))
    source = open_source("nih-cxr14", str(nih))
    source.check()
    assert list(source.studies()) == expected
    (nih / "Data_Entry_2017_v2020.csv").write_text(HEADER + ENTRIES.replace("Cardiomegaly|Effusion", "Hernia"))
    newer = open_source("nih-cxr14", str(nih))
    found = newer.annotations(next(newer.studies()), 64, 64)
    assert [label.label for label in found.pathology_labels if label.value] == ["nih/Hernia"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("00000001_000.png,Mass,nan,0,10,10", "four finite numbers; found 'nan', '0', '10', '10'"),
        ("00000001_000.png,Mass,0,0,inf,10", "four finite numbers"),
        ("00000001_000.png,Mass,x,0,10,10", "four numbers; found 'x'"),
        ("00000001_000.png,Mass,0,0", "four numbers; found '0', '0', '', ''"),
        ("00000001_000.png,Rickets,0,0,10,10", "unknown finding label 'Rickets'"),
        ("00000001_000.png", "unknown finding label ''"),
    ],
)
def test_a_broken_box_costs_its_own_image_only(nih, line, message):
    with open(nih / "BBox_List_2017.csv", "a") as file:
        file.write(f"{line}\n")
    source = open_source("nih-cxr14", str(nih))
    first, second, _ = source.studies()
    with pytest.raises(UnusableInput, match=message):
        source.annotations(first, 64, 64)
    assert len(source.annotations(second, 64, 64).pathology_labels) == 14


@pytest.mark.parametrize("name", ["Data_Entry_2017.csv", "BBox_List_2017.csv", "test_list.txt"])
def test_a_missing_file_is_named_with_what_is_there(nih, name):
    (nih / name).unlink()
    with pytest.raises(SourceError, match=f"expected the file .*{name}.*holds.*train_val_list.txt"):
        open_source("nih-cxr14", str(nih)).check()


def test_a_missing_column_is_named(nih):
    (nih / "Data_Entry_2017.csv").write_text((HEADER + ENTRIES).replace("Patient ID", "Patient"))
    with pytest.raises(SourceError, match="missing column 'Patient ID'; found .*Patient, Patient Age"):
        open_source("nih-cxr14", str(nih)).check()
    (nih / "Data_Entry_2017.csv").write_text(HEADER + ENTRIES)
    for broken, message in (("a,b\n1,2\n", "missing column"), ("", "found an empty file")):
        (nih / "BBox_List_2017.csv").write_text(broken)
        with pytest.raises(SourceError, match=message):
            open_source("nih-cxr14", str(nih)).check()


def test_the_real_subset(shared):
    root = shared / "data" / "real" / "nih"
    source = open_source("nih-cxr14", str(root))
    source.check()
    studies = list(source.studies())
    assert source.left_out() == {"training image of a patient with images in test_list.txt": 67}
    assert len(studies) == 800 - 67
    with open(root / "Data_Entry_2017_v2020.csv") as file:
        expected = {row["Image Index"]: set(row["Finding Labels"].split("|")) for row in csv.DictReader(file)}
    splits = Counter(study.split for study in studies)
    assert splits["test"] == 200 and 30 < splits["validate"] < 100
    patients = [{study.patient_id for study in studies if study.split == name} for name in splits]
    assert len(patients) == 3 and len(set.union(*patients)) == sum(map(len, patients)), "a patient is in one split only"
    boxes = []
    for study in studies:
        found = source.annotations(study, 64, 64)
        present = {label.label.partition("/")[2] for label in found.pathology_labels if label.value}
        assert present == expected[study.image_id + ".png"] - {"No Finding"}
        boxes += found.pathology_boxes
    assert len(boxes) == 6
    assert all(0 < box.box[0] < box.box[2] < 1 and 0 < box.box[1] < box.box[3] < 1 for box in boxes)


def test_a_study_that_is_not_listed(nih):
    with pytest.raises(KeyError):
        open_source("nih-cxr14", str(nih)).annotations(Study("nih-cxr14", "train", "9", "9", "9", "x"), 1, 1)
