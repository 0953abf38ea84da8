"""Who is in which split: halves, patients and studies in two splits, images that a rule moves."""

from __future__ import annotations

import pytest

from chex.records import Study
from pipelines.adapters import SourceError
from pipelines.conversion.split_ledger import SplitLedger
from pipelines.splits import halved, position
from tests.pipelines.planned import convert_here, planned
from tests.pipelines.small_sources import read_table, store, table_bytes, write_source
from tests.pipelines.small_sources.mimic_cxr_jpg import ids


def study(image, split="train", patient="p1", study="s1", dataset="mimic-cxr"):
    return Study(dataset, split, patient, study, image, "x")


def checked(*studies):
    ledger = SplitLedger()
    for one in studies:
        ledger.add(one)
    ledger.check()


def test_halves_are_exact_and_the_same_in_any_order():
    names = [f"i{number}" for number in range(101)]
    halves = halved(names)
    assert halves == halved(reversed(names)) and sorted(halves.values()).count("validate") == 50
    assert halves != halved(names, seed=1)
    assert halved([]) == {} and halved(["one"]) == {"one": "test"}
    limit = max(position(name) for name in names if halves[name] == "validate")
    assert all(position(name) > limit for name in names if halves[name] == "test")


def test_what_is_in_one_split_passes():
    checked()
    checked(study("a"), study("b"), study("c", "test", "p2", "s2"), study("a", "test", "p1", "s1", "another dataset"))


def test_a_patient_in_two_splits_is_refused_without_naming_anybody():
    first, second = study("a", patient="10000032"), study("b", "test", "10000032", "s2")
    with pytest.raises(SourceError) as caught:
        checked(study("z", patient="p9", study="s9"), first, second, study("c", "test", "10000032", "s2"))
    message = str(caught.value)
    assert "found 1 patients with images in several" in message and "studies" not in message
    assert f"{first.public_id} (train) beside {second.public_id} (test)" in message
    assert "10000032" not in message


def test_a_study_in_two_splits_is_refused():
    with pytest.raises(SourceError, match="found 2 studies with images in several"):
        checked(
            study("a", patient="p1"), study("b", "test", "p2"),
            study("c", patient="p3", study="s3"), study("d", "validate", "p4", "s3"),
        )  # fmt: skip


def test_an_image_listed_twice_and_a_split_that_is_none():
    twice = study("a")
    with pytest.raises(SourceError, match=f"1 of 2 images are listed twice: {twice.public_id} "):
        checked(twice, study("b"), study("a"))
    with pytest.raises(SourceError, match="split 'val' is none of train, validate, test"):
        checked(study("a", "val"))


def test_leakage_is_refused_before_anything_starts(tmp_path):
    small = write_source("mimic-cxr-jpg", tmp_path)
    table = small.root / "mimic-cxr-2.0.0-metadata.csv.gz"
    header, *rows = read_table(table)
    for row in rows:
        row[1] = "10000001"  # all images are one patient's
    store(table, table_bytes(header, rows))
    with pytest.raises(SourceError, match=r"found 1 patients with images in several: mimic-cxr/\w{12} \("):
        planned(tmp_path / "shards", *small.sources)
    assert not (tmp_path / "shards").exists()


def test_images_of_ms_cxr_validate_or_test_and_their_patients_do_not_train(tmp_path):
    small = write_source("ms-cxr", tmp_path)
    jpg = dict(small.sources)["mimic-cxr-jpg"]
    table = small.root / "MS_CXR_Local_Alignment_v1.0.0.csv"
    header, first, second = read_table(table)
    patient = ids()[0]  # in training; gets the next patient's image, too
    first[header.index("path")] = f"files/p10/p{patient[0]}/s{patient[1]}/{patient[2]}.jpg"
    first[header.index("dicom_id")] = patient[2]
    store(table, table_bytes(header, [first, second]))
    for name in ("metadata", "split"):
        path = small.root.parent / f"mimic-cxr-jpg/mimic-cxr-2.0.0-{name}.csv.gz"
        columns, *rows = read_table(path)
        rows[1][columns.index("subject_id")] = patient[0]
        store(path, table_bytes(columns, rows))
    plan, counts = convert_here(tmp_path / "shards", *small.sources)
    places = {shard.rpartition("/")[0]: count.rows for shard, count in zip(plan.shards, counts, strict=True)}
    assert places.pop("dataset=mimic-cxr/split=train") == 2, "without the two images of the patient"
    assert sum(places.values()) == 3
    assert plan.left_out == {
        ("mimic-cxr", "training image of a patient with images in MS-CXR, which validate or test"): 1
    }
    without = planned(tmp_path / "without", ("mimic-cxr-jpg", jpg))[1]
    assert without.images["mimic-cxr", "train"] == 4 and not without.left_out
