"""A conversion that was interrupted goes on, with the same files as without the interruption."""

from __future__ import annotations

import json
import shutil

import pytest

from jobs.convert import convert
from pipelines.conversion.shard import ShardTask, convert_shard
from pipelines.convert import OutputError, prepare
from pipelines.shards import samples
from tests.pipelines.small_vindr import conversion, fingerprints


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
    footer = output / "dataset=vindr-cxr" / "split=validate" / "part-00000.parquet"
    content = bytearray((whole / footer.relative_to(output)).read_bytes())
    content[-60:-8] = b"?" * 52
    footer.parent.mkdir()
    footer.write_bytes(content)
    (output / "quarantine").mkdir()
    outdated = output / "quarantine" / "vindr-cxr-test-part-00000.parquet"
    outdated.write_bytes(b"of an attempt that was killed, when an image was missing that is there now")
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
