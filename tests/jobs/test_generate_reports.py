"""Reports for folders of files: what is reported on, what is not and why, and runs that were interrupted."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from chex import Chex
from chex.inference.session import Session
from jobs.generate_reports import main
from jobs.reporting.config import ReportRun
from jobs.reporting.rows import report_of
from jobs.reporting.run import write_reports
from jobs.reporting.summary import readable_summary
from tests.jobs.archive import make_archive
from tests.jobs.reporting.in_process import without_ray
from tests.jobs.reporting.test_exactly_once import files
from tests.talkative import save_talkative


@pytest.fixture(scope="module")
def model_dir(tiny_model, tmp_path_factory):
    return str(save_talkative(tiny_model, tmp_path_factory.mktemp("model")))


@pytest.fixture(scope="module")
def prompts(tmp_path_factory):
    """Few prompts keep the runs short."""
    file = tmp_path_factory.mktemp("prompts") / "prompts.json"
    queries = [
        "pleural effusion",
        {"text": "nodule", "name": "nodule"},
        {"box": [0.1, 0.1, 0.5, 0.6], "name": "marked"},
    ]
    file.write_text(json.dumps({"name": "three", "queries": queries}))
    return str(file)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_archive(tmp_path_factory.mktemp("in"))


@pytest.fixture
def in_process(monkeypatch):
    """The same steps without Ray, which takes long to start its actors."""
    without_ray(monkeypatch)


@pytest.fixture(scope="module")
def whole(ray_local, model_dir, folder, prompts, tmp_path_factory):
    """The output of an undisturbed run over the folder."""
    output = tmp_path_factory.mktemp("whole")
    run(model_dir, folder, output, prompts, formats=("parquet", "overlays"), batch_size=2, rows_per_part=2)
    return output


def rows_of(output, kind="parquet"):
    return sorted(pq.read_table(output / kind).to_pylist(), key=lambda row: row["uri"])


def run(model_dir, source, output, prompts, **options):
    return write_reports(
        ReportRun(model=model_dir, input=str(source), output=str(output), prompts=prompts, **options),
        show_progress=False,
    )


def test_a_folder_becomes_rows_quarantine_pictures_and_a_summary(whole, model_dir, folder):
    output = whole
    summary = json.loads((output / "summary.json").read_text())
    assert summary["reported"] == 5 and summary["images"] == 7 and summary["left_alone"] == {".csv": 1}
    rows = rows_of(output)
    assert [row["uri"] for row in rows] == [str(folder / "deeper" / f"image{seed}.png") for seed in range(5)]
    session = Session(Chex.load(model_dir))
    for row in rows:
        pixels = np.asarray(Image.open(row["uri"]))
        report = report_of(row)
        # alone and in one process the same comes out as in any batch of the graph
        queries = [finding.query for finding in report.findings]
        expected = session.ask(session.encode([pixels]), [queries])[0]
        assert report.text and queries
        for got, truth in zip(report.findings, expected, strict=True):
            assert got.sentence == truth.sentence
            assert [b.box for b in got.boxes] == [pytest.approx(b.box, abs=1e-5) for b in truth.boxes]
        assert report.provenance.input_sha256 == hashlib.sha256(Path(row["uri"]).read_bytes()).hexdigest()
        assert (report.provenance.prompt_set, row["status"]) == ("three", "reported")
        assert len(row["provenance"]["weights_sha256"]) == 64 and row["provenance"]["result_set"]
    assert {row["uri"].rsplit("/", 1)[1]: row["stage"] for row in rows_of(output, "quarantine")} == {
        "cut.jpg": "decode",
        "no_suffix": "read",
    }
    pictures = sorted((output / "overlays").glob("*.png"))
    assert len(pictures) == 5 and all(Image.open(picture).width > 500 for picture in pictures)


def test_ray_changes_nothing_but_last_bits(whole, in_process, model_dir, folder, prompts, tmp_path):
    run(model_dir, folder, tmp_path, prompts, formats=("parquet", "overlays"), batch_size=2, rows_per_part=2)
    here, there = files(tmp_path), files(whole)
    assert here.keys() == there.keys()
    # an actor computes with other threads than this process: sums are taken in another order
    assert all(name.startswith("parquet/") for name in here if here[name] != there[name])
    assert_alike(rows_of(tmp_path), rows_of(whole))


def assert_alike(found, expected):
    """Equal, but for the last bits of numbers."""
    if isinstance(expected, float):
        assert found == pytest.approx(expected, abs=1e-5)
    elif isinstance(expected, list):
        assert len(found) == len(expected)
        for one, other in zip(found, expected):
            assert_alike(one, other)
    elif isinstance(expected, dict):
        assert found.keys() == expected.keys()
        for name in expected:
            assert_alike(found[name], expected[name])
    else:
        assert found == expected


def test_images_that_came_since_are_the_only_ones_done(whole, in_process, model_dir, folder, prompts, tmp_path):
    source, output = shutil.copytree(folder, tmp_path / "in"), tmp_path / "out"
    late = source / "deeper" / "image1.png"
    late.rename(tmp_path / "late.png")
    run(model_dir, source, output, prompts, batch_size=2, rows_per_part=2)
    before = files(output)
    with pytest.raises(ValueError, match="--resume"):
        run(model_dir, source, output, prompts)
    again = run(model_dir, source, output, prompts, resume=True)
    assert (again["this_run"]["images"], again["this_run"]["already_done"]) == (0, 6)
    (tmp_path / "late.png").rename(late)
    summary = run(model_dir, source, output, prompts, resume=True)
    assert (summary["this_run"]["images"], summary["this_run"]["already_done"], summary["images"]) == (1, 6, 7)
    after = files(output)
    assert {name: after[name] for name in before} == before
    assert set(after) - set(before) == {"parquet/part-00000003.parquet", "plan/00000003.arrow"}
    expected = [row["text"] for row in rows_of(whole)]
    assert [row["text"] for row in rows_of(output)] == expected


def test_another_result_set_does_not_mix_in(whole, in_process, model_dir, folder, prompts, tmp_path):
    output = shutil.copytree(whole, tmp_path / "out")
    other = tmp_path / "other.json"
    other.write_text('{"name": "one", "queries": ["edema"]}')
    formats = ("parquet", "overlays")
    for options, changed in (
        ({"prompts": other}, "prompts"),
        ({"prompts": prompts, "precision": "bfloat16"}, "precision"),
        ({"prompts": prompts, "report_anyway": True}, "report_anyway"),
        ({"prompts": prompts, "formats": ("parquet",)}, "formats"),
    ):
        with pytest.raises(ValueError, match=f"made with another {changed}: "):
            run(model_dir, folder, output, resume=True, **{"formats": formats} | options)
    assert files(output) == files(whole)


def test_what_does_not_look_like_a_chest(in_process, model_dir, prompts, tmp_path):
    source = tmp_path / "in"
    source.mkdir()
    noise = np.random.default_rng(0).integers(0, 255, (100, 300), dtype=np.uint8)
    pictures = {"blank": noise[:, :100] // 100, "wide": noise, "small": noise[:50, :50], "usual": noise[:, :100]}
    for name, pixels in pictures.items():
        Image.fromarray(pixels).save(source / f"{name}.png")
    summary = run(model_dir, source, tmp_path / "out", prompts)
    assert summary["reported"] == 1 and summary["not_reported"] == {
        "one side of the picture is more than 2 times as long as the other": 1,
        "the picture is blank": 1,
        "the picture is smaller than 64 pixels": 1,
    }
    assert [row["text"] is None for row in rows_of(tmp_path / "out")] == [True, True, False, True]
    anyway = run(model_dir, source, tmp_path / "anyway", prompts, report_anyway=True)
    assert anyway["reported"] == 4


def test_the_summary_counts_what_reports_say(whole):
    rows = rows_of(whole)
    summary = json.loads((whole / "summary.json").read_text())
    labels = Counter(label for row in rows for label in row["labels"])
    assert summary["normal"] == labels.pop("No Finding", 0) and summary["labels"] == labels
    shown = readable_summary(summary, "there")
    assert "5 of 7 images reported on" in shown and "look normal" in shown and "1 × .csv" in shown


def test_the_real_files_of_a_hospital_folder(in_process, model_dir, prompts, shared, tmp_path):
    real = shared / "data" / "real"
    listed = tmp_path / "list.txt"
    files = [*sorted((real / "dicom").iterdir()), *sorted((real / "images").iterdir()), tmp_path / "gone.png"]
    listed.write_text("# everything\n" + "\n".join(map(str, files)))
    output = tmp_path / "out"
    summary = run(model_dir, listed, output, prompts)
    assert summary["reported"] == 4 and summary["not_reported"] == {"BodyPartExamined is EXTREMITY, not CHEST": 1}
    (extremity,) = [row for row in rows_of(output) if row["status"] == "not reported"]
    assert extremity["text"] is None and extremity["findings"] == [] and extremity["sop_instance_uid"]
    with pytest.raises(ValueError, match="EXTREMITY"):
        report_of(extremity)
    reasons = {
        row["uri"].rsplit("/", 1)[1]: f"{row['stage']}: {row['reason']}" for row in rows_of(output, "quarantine")
    }
    assert "CT is not a radiograph" in reasons["ct_small_not_a_radiograph.dcm"]
    assert "truncated" in reasons["mr_truncated_pixel_data.dcm"]
    assert "no pixel data" in reasons["rtplan_no_pixels.dcm"]
    assert reasons["gone.png"] == "read: the file does not exist" and len(reasons) == 4


def test_impossible_settings_are_refused_together(model_dir, tmp_path):
    good = ReportRun(model=model_dir, input="in", output="out")
    with pytest.raises(ValueError, match="batch_size.*found 0.*unknown format hl7; valid: parquet, .*overlays"):
        dataclasses.replace(good, batch_size=0, formats=("parquet", "hl7"))
    with pytest.raises(ValueError, match="gpus_per_detector must be a fraction .*found 1.5.*precision must be one of"):
        dataclasses.replace(good, gpus_per_detector=1.5, precision="half")
    with pytest.raises(ValueError, match="no model folder"):
        dataclasses.replace(good, model=str(tmp_path))
    with pytest.raises(ValueError, match="lies in the input"):
        dataclasses.replace(good, input=str(tmp_path), output=str(tmp_path / "reports"))


def test_what_is_missing_or_faulty_ends_with_status_2(model_dir, folder, tmp_path, capsys):
    faulty = tmp_path / "prompts.json"
    faulty.write_text('{"queries": ["edema"]}')
    half_a_model = tmp_path / "model"
    half_a_model.mkdir()
    (half_a_model / "config.json").write_text("{}")
    for option, value, words in (
        ("--prompts", faulty, "needs a name"),
        ("--prompts", tmp_path / "none.json", "none.json"),
        ("--model", half_a_model, "model.safetensors"),
        ("--model", tmp_path / "none", "no model folder"),
        ("--input", tmp_path / "none", "does not exist"),
    ):
        arguments = {"--model": model_dir, "--input": folder, "--output": tmp_path / "o"} | {option: value}
        assert main([str(word) for pair in arguments.items() for word in pair]) == 2
        assert re.search(words, capsys.readouterr().err)
