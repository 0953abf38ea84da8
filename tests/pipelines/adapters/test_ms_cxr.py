"""MS-CXR: its table's versions, boxes as phrases, and where its images and their patients go."""

from __future__ import annotations

import pytest

from chex.records import GroundedPhrase, Study
from pipelines.adapters import AnnotationSource, ImageSource, LeftOut, SourceError, UnusableInput, open_source

HEADER = "category_name,label_text,path,dicom_id,image_width,image_height,x,y,w,h"


def row(phrase="small effusion", category="Pleural Effusion", image="d1", patient="10000032", box="10,20,30,40"):
    path = f"files/p10/p{patient}/s50414267/{image}.jpg"
    return f"{category},{phrase},{path},{image},100,200,{box}"


@pytest.fixture
def ms_cxr(tmp_path):
    def opened(*rows, header=HEADER, name="MS_CXR_Local_Alignment_v1.0.0.csv"):
        (tmp_path / name).write_text("\n".join([header, *rows]) + "\n")
        source = open_source("ms-cxr", str(tmp_path))
        source.check()
        return source

    return opened


def study(image="d1", patient="10000032", split="train"):
    return Study("mimic-cxr", split, patient, "50414267", image, "x")


def test_boxes_of_a_phrase_come_together_under_the_label_of_their_category(ms_cxr):
    source = ms_cxr(
        row(),
        row("large  effusion", box="0,0,10,20"),
        row(box="50,100,50,100"),
        row(box="50,100,50,100"),
        row(category="pneumothorax "),
        row("edema", "Edema", image="d2"),
    )
    assert isinstance(source, AnnotationSource) and not isinstance(source, ImageSource)
    found = source.annotations(study(), 2000, 1000)
    assert found.grounded == (
        GroundedPhrase("small effusion", ((0.1, 0.1, 0.4, 0.3), (0.5, 0.5, 1.0, 1.0)), "ms-cxr/Pleural Effusion"),
        GroundedPhrase("large effusion", ((0.0, 0.0, 0.1, 0.1),), "ms-cxr/Pleural Effusion"),
        GroundedPhrase("small effusion", ((0.1, 0.1, 0.4, 0.3),), "ms-cxr/Pneumothorax"),
    ), "relative to the table's own frame, whatever the size of the copy; the same row twice is one box"
    assert source.annotations(study("d3"), 200, 100) is None


def test_its_images_never_train_and_neither_do_their_patients(ms_cxr):
    patients = [f"100000{number}" for number in range(10, 31)]
    source = ms_cxr(*(row(patient=patient, image=f"d{patient}") for patient in patients))
    moved = {patient: source.placed(study(f"d{patient}", patient)).split for patient in patients}
    assert sorted(moved.values()) == ["test"] * 11 + ["validate"] * 10, "halved, exactly"
    assert moved == {patient: source.placed(study(f"d{patient}", patient)).split for patient in patients}
    with pytest.raises(LeftOut, match="training image of a patient with images in MS-CXR"):
        source.placed(study("another", patients[0]))
    for split in ("validate", "test"):
        for image in (f"d{patients[0]}", "another"):
            kept = study(image, patients[0], split)
            assert source.placed(kept) == kept, "MIMIC's own validation and test images stay where they are"
    unconcerned = study("another", "10999999")
    assert source.placed(unconcerned) == unconcerned


def test_the_split_of_version_1_1(ms_cxr):
    rows = [
        row(image="a", patient="10000001") + ",train",
        row(image="b", patient="10000002") + ",val",
        row(image="c", patient="10000003") + ",test",
        row(image="d", patient="10000003") + ",train",
    ]
    ms_cxr(row(image="old"))
    source = ms_cxr(*rows, header=f"{HEADER},split", name="MS_CXR_Local_Alignment_v1.1.0.csv")
    assert source.annotations(study("old"), 1, 1) is None, "the newest table counts"
    moved = [source.placed(study(image, f"1000000{n}")).split for image, n in (("a", 1), ("b", 2), ("c", 3), ("d", 3))]
    assert moved == ["validate", "validate", "test", "test"], "a patient is on one side only"
    with pytest.raises(SourceError, match=r"column 'split': expected train, val, .*; found later in row 1"):
        ms_cxr(row() + ",later", header=f"{HEADER},split", name="MS_CXR_Local_Alignment_v1.1.0.csv")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (row(category="Scoliosis"), "column 'category_name': expected one of Atelectasis, .*; found another in row 1"),
        (row().replace("files/p10/p10000032/", "x/"), "column 'path': expected files/p10/p10000032.* in row 1"),
        (row(image=""), "column 'dicom_id': .* in row 1"),
        (f"{row()}\n{row(patient='10000033')}", "row 2 names another patient than an earlier row of its image"),
    ],
)  # fmt: skip
def test_rows_that_cannot_be_told_apart_are_refused_before_anything_starts(ms_cxr, line, message):
    with pytest.raises(SourceError, match=message):
        ms_cxr(line)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (row("  "), "expected a phrase in label_text"),
        (row(box="10,20,-30,40"), "x_min < x_max"),
        (row(box="10,20,nan,40"), "four finite numbers"),
        (row(box="90,20,30,40"), "outside the image of 100 x 200 pixels"),
        (row().replace(",100,200,", ",0,200,"), "expected a number of pixels in image_width; found 0"),
        (row().replace(",100,200,", ",100,inf,"), "expected a number of pixels in image_height; found inf"),
    ],
)
def test_a_broken_row_costs_its_own_image_only(ms_cxr, line, message):
    source = ms_cxr(line, row(image="d2"))
    with pytest.raises(UnusableInput, match=message):
        source.annotations(study(), 200, 100)
    assert len(source.annotations(study("d2"), 200, 100).grounded) == 1


def test_a_missing_table_is_named(tmp_path):
    (tmp_path / "MS_CXR_Local_Alignment_v1.0.0.json").write_text("{}")
    with pytest.raises(SourceError, match=r"MS_CXR_Local_Alignment_v1.1.0.csv; the folder holds MS_CXR_.*json"):
        open_source("ms-cxr", str(tmp_path)).check()
