"""The conversion as a whole: counts that add up, and the files that other tools read."""

from __future__ import annotations

import csv
import hashlib
import json
import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest

from chex.pixels import decode_stored, encode_stored, read_radiograph
from jobs.convert import convert
from pipelines.conversion.shard import ShardTask, convert_shard
from pipelines.convert import Conversion, prepare
from pipelines.shards import list_shards, samples
from tests.made_dicom import made_dicom
from tests.pipelines.small_vindr import conversion


def test_inputs_are_rows_left_out_and_quarantined(converted):
    output, manifest = converted
    assert manifest == json.loads((output / "manifest.json").read_text())
    assert manifest["complete"] and manifest["inputs"] == 12
    rows = sum(count for splits in manifest["rows"].values() for count in splits.values())
    lost = [
        sum(c for reasons in manifest[key].values() for c in reasons.values()) for key in ("left_out", "quarantined")
    ]
    assert (rows, *lost) == (8, 0, 4)
    found = sum(pq.read_metadata(path).num_rows for path in list_shards(str(output)))
    assert found == rows


def test_broken_inputs_are_in_quarantine_with_a_reason(converted):
    output, _ = converted
    rows = [row for path in (output / "quarantine").iterdir() for row in pq.read_table(path).to_pylist()]
    reasons = {row["sample_id"]: f"{row['stage']}: {row['reason']}" for row in rows}
    assert reasons == {
        "vindr-cxr/i3": "read: not a DICOM file: it starts with b'no image'",
        "vindr-cxr/i4": "decode: Modality CT is not a radiograph",
        "vindr-cxr/i5": "read: FileNotFoundError: the file cannot be opened",
        "vindr-cxr/i6": "annotate: a box needs four numbers; found 'x', '6', '40', '30'",
    }
    assert all(row["uri"].endswith(".dicom") for row in rows)


def test_the_row_of_an_image(converted, vindr):
    output, _ = converted
    first = next(samples(str(output), "train"))
    assert first.study.sample_id == "vindr-cxr/i0" and first.study.view == "PA"
    assert (first.height, first.width, first.original_height, first.original_width) == (30, 40, 60, 80)
    assert decode_stored(first.image).shape == (30, 40)
    assert first.annotations.pathology_boxes[0].box == pytest.approx((0.1, 0.1, 0.5, 0.5))
    assert first.source_sha256 == hashlib.sha256((vindr / "train" / "i0.dicom").read_bytes()).hexdigest()
    assert first.pixel_notes[0].startswith("no window")


def test_another_part_of_the_body_is_noted(vindr, tmp_path):
    root, output = tmp_path / "raw", tmp_path / "shards"
    shutil.copytree(vindr, root)
    ramp = np.arange(4800, dtype=np.uint16).reshape(60, 80)
    (root / "train" / "i0.dicom").write_bytes(made_dicom(ramp, BodyPartExamined="HAND"))
    (root / "train" / "i1.dicom").write_bytes(made_dicom(ramp, BodyPartExamined="CHEST PA"))
    plan = prepare(conversion(root, output))
    convert_shard(0, ShardTask(conversion(root, output).sources, str(output), 30, plan.hash))
    notes = {sample.study.image_id: sample.pixel_notes for sample in samples(str(output), "train")}
    assert notes["i0"][-1] == "BodyPartExamined is HAND, not CHEST"
    assert not any("BodyPart" in note for note in notes["i1"])


def test_files_are_read_by_other_tools_with_their_partitions(converted, ray_local):
    output, _ = converted
    folder = str(output / "dataset=vindr-cxr")
    assert pq.read_table(folder).num_rows == 8 and "split" in pq.read_table(folder).column_names
    row = ray_local.data.read_parquet(folder).filter(lambda row: row["image_id"] == "i0").take(1)[0]
    assert row["split"] == "train"
    shard = pq.ParquetFile(list_shards(str(output), split="train")[0])
    column = shard.metadata.row_group(0).column(shard.schema_arrow.names.index("image"))
    assert column.statistics is None, "statistics of the image bytes would repeat whole images"


def test_lists_and_columns_of_shards(converted):
    output, _ = converted
    assert [path.rsplit("/", 1)[1] for path in list_shards(str(output), "vindr-cxr", "train")] == [
        "part-00000.parquet",
        "part-00001.parquet",
        "part-00002.parquet",
    ]
    with pytest.raises(FileNotFoundError, match="there are vindr-cxr/.*vindr-cxr/train"):
        list_shards(str(output), "mimic-cxr")
    only = next(samples(str(output), "train", columns=["image_id", "split"]))
    assert (only.study.image_id, only.study.split, only.image) == ("i0", "train", b"")
    with pytest.raises(ValueError, match="unknown column sentence"):
        next(samples(str(output), "train", columns=["sentence"]))


def test_eight_hundred_real_radiographs(shared, ray_local, tmp_path):
    root = shared / "data" / "real" / "nih"
    output = tmp_path / "shards"
    manifest = convert(Conversion(sources=(("nih-cxr14", str(root)),), output=str(output)), progress=False)
    assert manifest["inputs"] == 800 and not manifest["quarantined"]
    assert sum(manifest["left_out"]["nih-cxr14"].values()) == 67, "its lists share patients"
    with open(root / "Data_Entry_2017_v2020.csv") as file:
        expected = {row["Image Index"]: set(row["Finding Labels"].split("|")) for row in csv.DictReader(file)}
    rows = [sample for split in ("train", "validate", "test") for sample in samples(str(output), split)]
    assert {sample.study.image_id + ".png" for sample in rows} < set(expected) and len(rows) == 800 - 67
    for sample in rows:
        present = {label.label.partition("/")[2] for label in sample.annotations.pathology_labels if label.value}
        assert present == expected[sample.study.image_id + ".png"] - {"No Finding"}
        assert len(sample.annotations.pathology_labels) == 14
    assert sum(len(sample.annotations.pathology_boxes) for sample in rows) == 6
    for sample in rows[::100]:
        name = f"{sample.study.image_id}.png"
        original = read_radiograph((root / "images" / name).read_bytes(), name).pixels
        assert (decode_stored(sample.image) == original).all(), "64 pixels are not enlarged to 256"
        assert sample.image == encode_stored(original)
