"""Phantoms as NIH ChestX-ray14 images: what the dataset's own conversion makes of them is what the phantoms show."""

from __future__ import annotations

import csv
import json
from collections import Counter

import pytest
from PIL import Image

from chex.vocabulary import load
from pipelines.phantoms.planned_splits import plan_nih
from pipelines.phantoms.studies import write_planned
from pipelines.phantoms.write_nih import nih_labels
from pipelines.shards import samples
from tests.pipelines.phantoms.handmade import place
from tests.pipelines.planned import convert_here

SIZES = {"train": 4, "validate": 10, "test": 14}
# what every kind of finding is called here, written down a second time
NAMES = {
    "pleural effusion": {"Effusion"}, "pneumothorax": {"Pneumothorax"}, "atelectasis": {"Atelectasis"},
    "edema": {"Edema"}, "nodule": {"Nodule"}, "mass": {"Mass"}, "cardiomegaly": {"Cardiomegaly"},
    "pleural thickening": {"Pleural_Thickening"}, "emphysema": {"Emphysema"}, "consolidation": {"Consolidation"},
}  # fmt: skip
BOXED = {"Atelectasis", "Cardiomegaly", "Effusion", "Mass", "Nodule", "Pneumonia", "Pneumothorax"}


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    folder = tmp_path_factory.mktemp("phantoms") / "raw"
    write_planned(folder, plan_nih(SIZES, 3), image_size=64)
    return folder


@pytest.fixture(scope="module")
def truth(raw):
    return {line["image_id"]: line for line in map(json.loads, (raw / "truth.jsonl").read_text().splitlines())}


def called(finding):
    pneumonia = finding["kind"] == "consolidation" and finding["severity"] in ("moderate", "severe")
    return NAMES.get(finding["kind"], set()) | ({"Pneumonia"} if pneumonia else set())


def test_converted_rows_are_the_phantoms_truth(raw, truth, tmp_path):
    _, counts = convert_here(tmp_path / "shards", ("nih-cxr14", raw / "nih-cxr14"), image_size=64)
    rows = [sample for split in SIZES for sample in samples(str(tmp_path / "shards"), split)]
    assert sum(count.rows for count in counts) == len(rows) == sum(SIZES.values())
    assert Counter(sample.study.split for sample in rows) == SIZES
    boxes = 0
    for sample in rows:
        known = truth[sample.study.image_id]
        assert (sample.study.split, sample.study.view) == (known["split"], known["view"])
        assert sample.width == sample.height
        present = {name for finding in known["findings"] for name in called(finding)}
        assert {label.label: label.value for label in sample.annotations.pathology_labels} == {
            label: int(label.partition("/")[2] in present) for label in load().labels_of("nih")
        }
        expected = [
            (f"nih/{name}", tuple(box))
            for finding in known["findings"]
            for name in called(finding) & BOXED
            for box in finding["boxes"]
            if known["split"] != "train"
        ]
        found = [(one.label, one.box) for one in sample.annotations.pathology_boxes]
        assert [name for name, _ in sorted(found)] == [name for name, _ in sorted(expected)]
        for (_, box), (_, exact) in zip(sorted(found), sorted(expected), strict=True):
            assert box == pytest.approx(exact, abs=1e-9)
        boxes += len(found)
    assert boxes > 10


def test_the_files_are_those_of_the_dataset(raw, truth):
    folder = raw / "nih-cxr14"
    header, *lines = (folder / "BBox_List_2017.csv").read_text().splitlines()
    assert header == "Image Index,Finding Label,Bbox [x,y,w,h],,,"
    assert all(0 <= float(number) <= 1024 for line in lines for number in line.split(",")[2:6])
    entries = list(csv.DictReader((folder / "Data_Entry_2017_v2020.csv").open()))
    assert {row["Image Index"] for row in entries} == {f"{name}.png" for name in truth}
    for row in entries:
        known = truth[row["Image Index"].removesuffix(".png")]
        assert row["Image Index"] == f"{int(row['Patient ID']):08}_{int(row['Follow-up #']):03}.png"
        assert (int(row["Patient Age"]), row["Patient Gender"]) == (known["age"], known["sex"])
        assert (int(row["OriginalImage[Width"]), int(row["Height]"])) == (known["width"], known["height"])
        assert Image.open(folder / "images" / row["Image Index"]).size == (64, 64)
    lists = {name: set((folder / f"{name}_list.txt").read_text().split()) for name in ("train_val", "test")}
    assert len(lists["train_val"]) == 14 and len(lists["test"]) == 14 and not lists["train_val"] & lists["test"]


def test_what_the_labels_do_not_know_is_none():
    assert nih_labels(place("rib fracture")) == nih_labels(place("calcified granuloma")) == ()
    assert nih_labels(place("consolidation", severity="mild")) == ("Consolidation",)
    assert nih_labels(place("consolidation", severity="severe")) == ("Consolidation", "Pneumonia")
