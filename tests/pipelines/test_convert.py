"""The conversion as a whole: counts that add up, resume, refusals, and the files that other tools read."""

from __future__ import annotations

import csv
import hashlib
import json
import logging
import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest

from chex.pixels import decode_stored, encode_stored, read_radiograph
from chex.vocabulary import load
from jobs.convert import convert, main
from pipelines.adapters import SourceError
from pipelines.convert import Conversion, OutputError, prepare, run
from pipelines.convert_shard import ShardTask, convert_shard
from pipelines.shards import list_shards, samples
from tests.made_dicom import made_dicom

NAMES = [label.partition("/")[2] for label in load().labels_of("vindr-image")]


@pytest.fixture(scope="module")
def vindr(tmp_path_factory):
    """Ten training images of 60 x 80 pixels: three broken, one with a broken annotation; two test images."""
    root = tmp_path_factory.mktemp("vindr")
    for folder in ("annotations", "train", "test"):
        (root / folder).mkdir()
    ramp = np.arange(4800, dtype=np.uint16).reshape(60, 80) % 4096
    for number in range(10):
        view = {"ViewPosition": "PA"} if number == 0 else {}
        (root / "train" / f"i{number}.dicom").write_bytes(made_dicom(np.roll(ramp, number * 80), **view))
    (root / "train" / "i3.dicom").write_bytes(b"no image at all")
    (root / "train" / "i4.dicom").write_bytes(made_dicom(ramp, Modality="CT"))
    (root / "train" / "i5.dicom").unlink()
    for number in range(2):
        (root / "test" / f"t{number}.dicom").write_bytes(made_dicom(ramp))
    for part, ids, reader in (("train", [f"i{n}" for n in range(10)], ",R1"), ("test", ["t0", "t1"], "")):
        header = ["image_id", *(["rad_id"] if reader else []), *NAMES]
        rows = [f"{image}{reader}," + ",".join("1" if name == "ILD" else "0" for name in NAMES) for image in ids]
        (root / "annotations" / f"image_labels_{part}.csv").write_text("\n".join([",".join(header), *rows]) + "\n")
    header = "class_name,x_min,y_min,x_max,y_max\n"
    (root / "annotations" / "annotations_train.csv").write_text(
        f"image_id,rad_id,{header}i0,R1,ILD,8,6,40,30\ni6,R1,ILD,x,6,40,30\n"
    )
    (root / "annotations" / "annotations_test.csv").write_text(f"image_id,{header}")
    return root


def conversion(root, output, **changes) -> Conversion:
    settings = {"image_size": 30, "rows_per_shard": 4} | changes
    return Conversion(sources=(("vindr-cxr", str(root)),), output=str(output), **settings)


def fingerprints(folder) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def converted(ray_local, vindr, tmp_path_factory):
    output = tmp_path_factory.mktemp("converted") / "shards"
    return output, convert(conversion(vindr, output), progress=False)


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


def test_resume_makes_what_is_missing_and_nothing_else(converted, vindr, tmp_path):
    whole, manifest = converted
    output = tmp_path / "shards"
    plan = prepare(conversion(vindr, output))
    assert not json.loads((output / "manifest.json").read_text())["complete"]
    # as if killed after the first shard, in the middle of writing the second
    convert_shard(0, ShardTask(conversion(vindr, output).sources, str(output), 30, plan.hash))
    done = output / "dataset=vindr-cxr" / "split=train" / "part-00000.parquet"
    (done.parent / ".part-00001.parquet.abc.unfinished").write_bytes(b"half")
    written = done.stat().st_mtime_ns
    assert convert(conversion(vindr, output, resume=True), progress=False) == manifest
    assert done.stat().st_mtime_ns == written
    assert fingerprints(output) == fingerprints(whole)
    assert convert(conversion(vindr, output, resume=True), progress=False) == manifest, "once more changes nothing"
    assert fingerprints(output) == fingerprints(whole)


def test_resume_at_the_very_beginning_and_over_a_damaged_file(converted, vindr, tmp_path):
    whole, manifest = converted
    output = tmp_path / "shards"
    prepare(conversion(vindr, output))
    (output / "manifest.json").unlink()  # as if killed between the plan and the manifest
    damaged = output / "dataset=vindr-cxr" / "split=test" / "part-00000.parquet"
    prepare(conversion(vindr, output, resume=True))
    damaged.parent.mkdir(parents=True)
    damaged.write_bytes(b"PAR1 and then nothing")
    assert convert(conversion(vindr, output, resume=True), progress=False) == manifest
    assert fingerprints(output) == fingerprints(whole)


def test_relative_paths(converted, vindr, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(vindr, tmp_path / "raw")
    manifest = convert(conversion("raw", "shards"), progress=False)
    assert manifest["rows"] == converted[1]["rows"]
    assert next(samples("shards", "train")).study.uri == str(tmp_path / "raw" / "train" / "i0.dicom")


def test_resume_refuses_another_conversion(converted, vindr, tmp_path):
    output = tmp_path / "shards"
    shutil.copytree(converted[0], output)
    with pytest.raises(OutputError, match="begun with image_size 30; found 31"):
        prepare(conversion(vindr, output, image_size=31, resume=True))
    with pytest.raises(OutputError, match="is not empty"):
        prepare(conversion(vindr, output))
    (output / "manifest.json").unlink()
    with pytest.raises(OutputError, match="holds no manifest.json"):
        prepare(conversion(vindr, output, resume=True))


def test_resume_refuses_changed_sources(vindr, tmp_path):
    root, output = tmp_path / "raw", tmp_path / "shards"
    shutil.copytree(vindr, root)
    prepare(conversion(root, output))
    labels = root / "annotations" / "image_labels_test.csv"
    labels.write_text("\n".join(labels.read_text().splitlines()[:-1]) + "\n")
    with pytest.raises(OutputError, match="images changed"):
        prepare(conversion(root, output, resume=True))


def test_sources_have_to_fit_together(vindr, tmp_path):
    def refusal(*sources) -> str:
        with pytest.raises(SourceError) as caught:
            prepare(Conversion(sources=sources, output=str(tmp_path / "shards")))
        return str(caught.value)

    here = ("vindr-cxr", str(vindr))
    assert "one source of the images of vindr-cxr; found 2" in refusal(here, here)
    assert "unknown kind" in refusal(("vindr", str(vindr)))
    assert "expected the folders train or test" in refusal(("vindr-cxr", str(tmp_path)))
    (tmp_path / "files").mkdir()
    reports = ("mimic-cxr-reports", str(tmp_path))
    assert "the images given are of vindr-cxr; " in refusal(here, reports), "both faults at once"
    assert "expected a zip archive" in refusal(here, reports)
    assert "no source brings its images; the images given are of no dataset" in refusal(reports)
    assert not (tmp_path / "shards").exists(), "a wrong configuration leaves nothing behind"


def test_a_table_that_breaks_while_converting_stops_the_job_with_its_reason(ray_local, vindr, tmp_path):
    root = tmp_path / "raw"
    shutil.copytree(vindr, root)
    boxes = root / "annotations" / "annotations_train.csv"
    boxes.write_text(boxes.read_text().replace("ILD", "IDL"))
    with pytest.raises(SourceError, match="unknown class 'IDL'"):
        convert(conversion(root, tmp_path / "shards"), progress=False)


def test_a_lost_result_is_noticed(ray_local, vindr, tmp_path):
    plan = prepare(conversion(vindr, tmp_path / "shards"))
    plan.images["vindr-cxr", "train"] += 1
    with pytest.raises(RuntimeError, match="expected 5 shards with 13 images; found 5 with 12"):
        run(conversion(vindr, tmp_path / "shards"), plan, progress=False)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--source", "vindr-cxr"], "expects KIND=PATH; found 'vindr-cxr'"),
        (["--source", "vindr=/x"], "unknown kind 'vindr'; there are:"),
        (["--source", "vindr-cxr=/x", "--image-size", "3"], "image_size must be at least 16; found 3"),
        (["--source", "vindr-cxr=/x"], "expected the folders train or test"),
    ],
)
def test_a_wrong_command_exits_with_a_message(arguments, message, tmp_path, caplog):
    caplog.set_level(logging.ERROR)
    assert main([*arguments, "--output", str(tmp_path / "shards")]) == 2
    assert message in caplog.text and "Traceback" not in caplog.text
    assert not (tmp_path / "shards").exists()


def test_the_command(ray_local, vindr, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    output = tmp_path / "shards"
    arguments = ["--source", f"vindr-cxr={vindr}", "--output", str(output), "--image-size", "30"]
    assert main(arguments) == 0, "unusable inputs are no failure"
    assert "8 rows of 12 inputs" in caplog.text
    assert "Modality CT is not a radiograph" in caplog.text
    assert ray_local.is_initialized(), "a Ray that was running goes on running"
    assert main(arguments) == 2 and "is not empty" in caplog.text


def test_eight_hundred_real_radiographs(shared, ray_local, tmp_path):
    root = shared / "data" / "real" / "nih"
    output = tmp_path / "shards"
    manifest = convert(Conversion(sources=(("nih-cxr14", str(root)),), output=str(output)), progress=False)
    assert manifest["inputs"] == 800 and not manifest["quarantined"] and not manifest["left_out"]
    with open(root / "Data_Entry_2017_v2020.csv") as file:
        expected = {row["Image Index"]: set(row["Finding Labels"].split("|")) for row in csv.DictReader(file)}
    rows = [sample for split in ("train", "validate", "test") for sample in samples(str(output), split)]
    assert {sample.study.image_id + ".png" for sample in rows} == set(expected) and len(rows) == 800
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
