"""Phantoms as VinDr-CXR: DICOM files read back with pydicom, radiologists who disagree, tables with their quirks."""

from __future__ import annotations

import dataclasses
from collections import Counter

import numpy as np
import pydicom
import pytest

from chex.vocabulary import load
from pipelines.phantoms import write_vindr
from pipelines.phantoms.planned import plan_studies
from pipelines.phantoms.readers import CLASSES, consensus_reading, three_readings
from pipelines.phantoms.truth import FINDING_KINDS
from tests.pipelines.phantoms.handmade import REGIONS, phantom, place

VINDR = next(study for study in plan_studies(30, 1) if study.dataset == "vindr-cxr")


def test_dicom_files_hold_the_pixels_in_every_way_of_storing(tmp_path):
    ways = Counter()
    for study in [s for s in plan_studies(180, 3) if s.dataset == "vindr-cxr"]:
        image = phantom(seed=study.seed % 1000, view="PA")
        write_vindr.write_vindr(tmp_path, study, image)
        read = pydicom.dcmread(tmp_path / "vindr-cxr" / study.split / f"{study.image_id}.dicom")
        stored = read.pixel_array
        inverted = read.PhotometricInterpretation == "MONOCHROME1"
        np.testing.assert_array_equal(4095 - stored if inverted else stored, image.pixels)
        centre, width = float(read.WindowCenter), float(read.WindowWidth)
        assert np.mean((stored > centre - width / 2) & (stored < centre + width / 2)) > 0.98
        assert (read.BitsAllocated, read.BitsStored, read.BodyPartExamined, read.ViewPosition) == (
            16,
            12,
            "CHEST",
            "PA",
        )
        assert (read.Rows, read.Columns) == image.pixels.shape
        assert read.SOPInstanceUID.is_valid and read.file_meta.MediaStorageSOPInstanceUID == read.SOPInstanceUID
        ways[read.PhotometricInterpretation, read.Modality, read.file_meta.TransferSyntaxUID.is_compressed] += 1
    assert {way[0] for way in ways} == {"MONOCHROME1", "MONOCHROME2"} and {way[1] for way in ways} == {"DX", "CR"}
    assert 0 < sum(count for way, count in ways.items() if way[2]) < 20


def test_three_radiologists_disagree_a_little():
    image = phantom(place("mass", "left", "mid", "moderate"), place("consolidation", "right", "lower", "mild"))
    truth = REGIONS["left mid lung zone"]
    classes, seen, moved = Counter(), 0, []
    for seed in range(300):
        readings = three_readings(image, seed)
        assert len({reading.reader for reading in readings}) == 3
        for reading in readings:
            classes.update(name for name, _ in reading.boxes)
            for name, box in reading.boxes:
                assert 0 <= box[0] < box[2] <= 1 and 0 <= box[1] < box[3] <= 1
                if name == "Nodule/Mass":
                    seen += 1
                    moved.append(abs(box[0] - truth[0]) / (truth[2] - truth[0]))
    assert 0.75 < seen / 900 < 0.95  # missed 5 %, taken for something else 10 %
    assert 0.02 < np.mean(moved) < 0.06
    assert classes["Consolidation"] > classes["Lung Opacity"] > 20


def test_the_consensus_misses_nothing_and_knows_the_class_names():
    known = {label.partition("/")[2] for label in load().labels_of("vindr")}
    image = phantom(*(place(kind, "right", "lower") for kind in FINDING_KINDS if kind != "support device"))
    reading = consensus_reading(image, 1)
    assert {name for name, _ in reading.boxes} == {usual for usual, _ in CLASSES.values()} <= known
    assert {otherwise for _, otherwise in CLASSES.values()} <= known
    assert reading.diagnoses <= {label.partition("/")[2] for label in load().labels_of("vindr-image")}


def test_vindr_rows(tmp_path):
    severe = place("cardiomegaly", severity="severe")
    for split, other, readers in (("train", "Other diseases", 3), ("test", "Other disease", 1)):
        study = dataclasses.replace(VINDR, split=split)
        rows = write_vindr.write_vindr(tmp_path, study, phantom(severe))
        boxes, labels = rows[f"vindr-cxr/annotations/annotations_{split}.csv"], rows[
            f"vindr-cxr/annotations/image_labels_{split}.csv"]  # fmt: skip
        assert len(labels) == readers and all(len(row) == 29 + ("rad_id" in row) for row in labels)
        assert boxes[0]["class_name"] == "Cardiomegaly" and labels[0]["Cardiomegaly"] == labels[0][other] == 1
        assert float(boxes[0]["x_max"]) == pytest.approx(0.78 * 80, abs=8) and labels[0]["No finding"] == 0
        empty = write_vindr.write_vindr(tmp_path, study, phantom())
        assert [row.get("x_min") for row in empty[f"vindr-cxr/annotations/annotations_{split}.csv"]] == [None] * readers
        assert {row["No finding"] for row in empty[f"vindr-cxr/annotations/image_labels_{split}.csv"]} == {1}
    columns = write_vindr.tables()
    assert any(name.endswith(" ") for name in columns["vindr-cxr/annotations/image_labels_train.csv"])
    assert "rad_id" not in columns["vindr-cxr/annotations/image_labels_test.csv"]
