"""All sources of MIMIC-CXR together, on phantoms: one row holds everything known about an image."""

from __future__ import annotations

import csv
import gzip
import itertools
import json
from collections import defaultdict

import pytest

from pipelines.phantoms.studies import write_phantoms
from pipelines.shards import samples
from tests.pipelines.planned import convert_here
from tests.pipelines.small_vindr import fingerprints

KINDS = ("mimic-cxr-jpg", "mimic-cxr-reports", "chest-imagenome", "ms-cxr")
SPLITS = ("train", "validate", "test")


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    folder = tmp_path_factory.mktemp("phantoms") / "raw"
    write_phantoms(folder, studies=60, seed=4, image_size=64)
    return folder


@pytest.fixture(scope="module")
def joined(raw, tmp_path_factory):
    output = tmp_path_factory.mktemp("joined") / "shards"
    plan, counts = convert_here(output, *((kind, raw / kind) for kind in KINDS))
    assert sum(count.rows for count in counts) == plan.images.total() == 40 and not plan.left_out
    return output, {sample.study.image_id: sample for split in SPLITS for sample in samples(str(output), split)}


def test_a_row_holds_what_every_source_says(raw, joined):
    _, rows = joined
    truth = [json.loads(line) for line in (raw / "truth.jsonl").read_text().splitlines()]
    truth = {image["image_id"]: image for image in truth if image["dataset"] == "mimic-cxr-jpg"}
    assert set(rows) == set(truth)
    for image_id, sample in rows.items():
        known, said = truth[image_id], sample.annotations
        assert (sample.study.split, sample.study.study_id) == (known["split"], known["study_id"])
        assert " ".join(said.sentences) == " ".join(sentence["text"] for sentence in known["sentences"])
        assert len(said.anatomy) > 20 and any(region.sentences for region in said.anatomy)
    assert sum(bool(sample.annotations.pathology_labels) for sample in rows.values()) > 30


def test_phrases_are_those_of_the_table_on_the_right_images(raw, joined):
    expected = defaultdict(set)
    for row in csv.DictReader((raw / "ms-cxr/MS_CXR_Local_Alignment_v1.0.0.csv").open()):
        expected[row["dicom_id"]].add((row["label_text"], f"ms-cxr/{row['category_name']}"))
    rows = joined[1]
    found = {
        image: {(phrase.phrase, phrase.label) for phrase in sample.annotations.grounded}
        for image, sample in rows.items()
        if sample.annotations.grounded
    }
    assert found == dict(expected) != {}
    assert all(rows[image].study.split != "train" for image in found)


def test_labels_are_those_of_the_study(raw, joined):
    table = raw / "mimic-cxr-jpg/mimic-cxr-2.0.0-chexpert.csv.gz"
    with gzip.open(table, "rt") as file:
        labels = {row["study_id"]: row for row in csv.DictReader(file)}
    for sample in joined[1].values():
        row = labels[sample.study.study_id]
        for found in sample.annotations.pathology_labels:
            assert float(row[found.label.partition("/")[2]]) == found.value


@pytest.mark.parametrize("order", list(itertools.permutations(KINDS))[5::7])
def test_the_order_of_the_sources_changes_nothing(raw, joined, tmp_path, order):
    convert_here(tmp_path / "shards", *((kind, raw / kind) for kind in order))
    assert fingerprints(tmp_path / "shards") == fingerprints(joined[0])
