"""VinDr-CXR in its layout, with the spellings in which its files differ."""

from __future__ import annotations

import pytest

from chex.vocabulary import load
from pipelines.adapters import ImageSource, SourceError, UnusableInput, open_source

NAMES = [label.partition("/")[2] for label in load().labels_of("vindr-image")]
ILD, NOTHING = NAMES.index("ILD"), NAMES.index("No finding")


def votes(image_id: str, present: set[str], reader: str | None = None) -> str:
    row = [image_id, *([reader] if reader else []), *("1" if name in present else "0" for name in NAMES)]
    return ",".join(row) + "\n"


@pytest.fixture
def vindr(tmp_path):
    (tmp_path / "annotations").mkdir()
    for part in ("train", "test"):
        (tmp_path / part).mkdir()
    train_names = ["Other diseases" if name == "Other disease" else name + " " * (name == "ILD") for name in NAMES]
    (tmp_path / "annotations" / "image_labels_train.csv").write_text(
        ",".join(["image_id", "rad_id", *train_names])
        + "\n"
        + votes("a", {"ILD", "Other disease"}, "R1")
        + votes("a", {"ILD"}, "R2")
        + votes("a", {"Other disease", "COPD"}, "R3")
        + "".join(votes("b", {"No finding"}, reader) for reader in ("R1", "R2", "R3"))
    )
    (tmp_path / "annotations" / "image_labels_test.csv").write_text(
        ",".join(["image_id", *NAMES]) + "\n" + "".join(votes(f"t{number}", {"ILD"}) for number in range(40))
    )
    (tmp_path / "annotations" / "annotations_train.csv").write_text(
        "image_id,rad_id,class_name,x_min,y_min,x_max,y_max\n"
        "a,R1,ILD,100,200,300,400\n"
        "a,R2,ILD,120,200,300,440\n"
        "a,R3,Nodule/Mass ,900,900,1010,1000\n"
        "b,R1,No finding,,,,\n"
        "b,R2,No finding,,,,\n"
    )
    (tmp_path / "annotations" / "annotations_test.csv").write_text(
        "image_id,class_name,x_min,y_min,x_max,y_max\nt0,ILD,10,20,30,40\nt0,ILD,11,20,30,44\n"
    )
    return tmp_path


def test_three_readers_become_one_set(vindr):
    source = open_source("vindr-cxr", str(vindr))
    assert isinstance(source, ImageSource)
    source.check()
    first, second, *_ = source.studies()
    assert first.uri.endswith("/train/a.dicom") and first.split == "train"
    found = source.annotations(first, 1000, 1000)
    assert [(box.label, box.readers) for box in found.pathology_boxes] == [("vindr/ILD", 2), ("vindr/Nodule/Mass", 1)]
    assert found.pathology_boxes[0].box == pytest.approx((0.11, 0.2, 0.3, 0.42))
    assert found.pathology_boxes[1].box == pytest.approx((0.9, 0.9, 1.0, 1.0)), "clipped"
    assert {label.label for label in found.pathology_labels if label.value} == {"vindr/ILD", "vindr/Other disease"}
    assert len(found.pathology_labels) == 28
    nothing = source.annotations(second, 1000, 1000)
    assert nothing.pathology_boxes == ()
    assert {label.label for label in nothing.pathology_labels if label.value} == {"vindr/No finding"}


def test_the_test_images_are_halved_and_their_boxes_kept(vindr):
    source = open_source("vindr-cxr", str(vindr))
    splits = {study.image_id: study.split for study in source.studies()}
    assert splits == {study.image_id: study.split for study in source.studies()}
    halves = [split for image, split in splits.items() if image.startswith("t")]
    assert halves.count("validate") == halves.count("test") == 20
    assert halves != sorted(halves) and halves != sorted(halves, reverse=True), "drawn by seed, not by name"
    first = next(study for study in source.studies() if study.image_id == "t0")
    found = source.annotations(first, 100, 100)
    assert [box.box for box in found.pathology_boxes] == [(0.1, 0.2, 0.3, 0.4), (0.11, 0.2, 0.3, 0.44)]


def test_one_part_alone(vindr):
    (vindr / "test").rmdir()
    source = open_source("vindr-cxr", str(vindr))
    source.check()
    assert [study.image_id for study in source.studies()] == ["a", "b"]


def test_what_is_missing_is_named(vindr):
    labels = vindr / "annotations" / "image_labels_test.csv"
    labels.write_text(labels.read_text().replace("COPD", "CPOD"))
    with pytest.raises(SourceError, match=r"image_labels_test.csv: missing the columns vindr/COPD; found .*CPOD"):
        open_source("vindr-cxr", str(vindr)).check()
    labels.unlink()
    with pytest.raises(SourceError, match="expected the file annotations/image_labels_test.csv; annotations holds"):
        open_source("vindr-cxr", str(vindr)).check()
    with pytest.raises(SourceError, match="expected the folders train or test"):
        open_source("vindr-cxr", str(vindr / "annotations")).check()


@pytest.mark.parametrize("number", ["nan", "inf", "-inf"])
def test_a_box_that_is_not_finite(vindr, number):
    boxes = vindr / "annotations" / "annotations_train.csv"
    boxes.write_text(boxes.read_text().replace("100,200,300,400", f"100,200,{number},400"))
    source = open_source("vindr-cxr", str(vindr))
    with pytest.raises(UnusableInput, match=f"four finite numbers; found '100', '200', '{number}', '400'"):
        source.annotations(next(iter(source.studies())), 1000, 1000)


def test_an_unreadable_vote_costs_its_own_image_only(vindr):
    labels = vindr / "annotations" / "image_labels_train.csv"
    labels.write_text(labels.read_text().replace("a,R2,0", "a,R2,maybe"))
    source = open_source("vindr-cxr", str(vindr))
    first, second, *_ = source.studies()
    with pytest.raises(UnusableInput, match=f"0 or 1; found something else for vindr/{NAMES[0]}"):
        source.annotations(first, 1000, 1000)
    assert len(source.annotations(second, 1000, 1000).pathology_labels) == 28


def test_broken_rows(vindr):
    boxes = vindr / "annotations" / "annotations_train.csv"
    boxes.write_text(boxes.read_text().replace("100,200,300,400", "100,200,,400"))
    source = open_source("vindr-cxr", str(vindr))
    with pytest.raises(UnusableInput, match="a box needs four numbers"):
        source.annotations(next(iter(source.studies())), 1000, 1000)
    boxes.write_text(boxes.read_text().replace("ILD", "IDL"))
    source = open_source("vindr-cxr", str(vindr))
    with pytest.raises(SourceError, match="unknown class 'IDL'"):
        source.annotations(next(iter(source.studies())), 1000, 1000)
