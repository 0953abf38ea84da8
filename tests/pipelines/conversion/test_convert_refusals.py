"""Conversions that cannot start or cannot end: what is said, and with which status."""

from __future__ import annotations

import logging
import shutil

import pytest

from jobs.convert import main
from pipelines.adapters import SourceError
from pipelines.conversion.shard import ShardTask, convert_shard
from pipelines.convert import Conversion, prepare, run
from tests.pipelines.small_vindr import conversion


def test_sources_have_to_fit_together(vindr, tmp_path):
    def refusal(*sources) -> str:
        with pytest.raises(SourceError) as caught:
            prepare(Conversion(sources=sources, output=str(tmp_path / "shards")))
        return str(caught.value)

    here, empty = ("vindr-cxr", str(vindr)), tmp_path / "empty"
    empty.mkdir()
    assert "expected vindr-cxr once; found it 2 times" in refusal(here, here)
    assert "unknown kind" in refusal(("vindr", str(vindr)))
    assert "expected the folders train or test" in refusal(("vindr-cxr", str(empty)))
    (empty / "files").mkdir()
    reports = ("mimic-cxr-reports", str(empty))
    missing = "mimic-cxr-reports brings no images: expected mimic-cxr-dicom or mimic-cxr-jpg beside it; found"
    assert f"{missing} images of vindr-cxr; " in refusal(here, reports), "both faults at once"
    assert "expected a folder of files, or mimic-cxr-reports.zip" in refusal(here, reports)
    assert f"{missing} no images" in refusal(reports)
    assert not (tmp_path / "shards").exists(), "a wrong configuration leaves nothing behind"


def test_a_table_that_breaks_while_converting_stops_the_job_with_its_reason(ray_local, vindr, tmp_path):
    root = tmp_path / "raw"
    shutil.copytree(vindr, root)
    begun = conversion(root, tmp_path / "shards")
    plan = prepare(begun)
    boxes = root / "annotations" / "annotations_train.csv"
    boxes.write_text(boxes.read_text().replace("ILD", "IDL"))
    with pytest.raises(SourceError, match="unknown class 'IDL'"):
        run(begun, plan, progress=False)


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
        (["--source", "vindr-cxr=/x"], "/x: expected a folder with the dataset's files; found nothing of this name"),
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


def test_a_conversion_without_a_row_is_none(vindr, tmp_path, caplog, monkeypatch):
    def nothing(conversion):
        return {
            "rows": {"vindr-cxr": {"train": 0}},
            "left_out": {},
            "quarantined": {"vindr-cxr": {"lost": 12}},
            "inputs": 12,
        }

    monkeypatch.setattr("jobs.convert.convert", nothing)
    assert main(["--source", f"vindr-cxr={vindr}", "--output", str(tmp_path)]) == 1
    assert "none of the images became a row" in caplog.text


def test_annotations_may_fail_in_any_way(vindr, tmp_path, monkeypatch):
    def too_deep(self, study, height, width):
        raise RecursionError("maximum recursion depth exceeded")

    output = tmp_path / "shards"
    plan = prepare(conversion(vindr, output))
    monkeypatch.setattr("pipelines.adapters.vindr_cxr.Source.annotations", too_deep)
    counts = convert_shard(0, ShardTask(conversion(vindr, output).sources, str(output), 30, plan.hash))
    assert counts.rows == 0 and "vindr-cxr: cannot be read (RecursionError)" in counts.quarantined
