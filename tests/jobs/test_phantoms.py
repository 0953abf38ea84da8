"""The phantoms job: what it writes, that it is the same whatever the number of workers, and what it refuses."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from jobs import phantoms

OPTIONS = ["--studies", "12", "--seed", "7", "--image-size", "64"]


def digests(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("phantoms") / "raw"
    phantoms.main(["--output", str(folder), "--workers", "1", *OPTIONS])
    return folder


def test_the_layouts_are_there(written):
    assert sorted(path.name for path in written.iterdir()) == [
        "chest-imagenome", "mimic-cxr-jpg", "mimic-cxr-reports", "ms-cxr", "truth.jsonl", "vindr-cxr",
    ]  # fmt: skip
    counted = Counter(path.suffix for path in written.rglob("*") if path.is_file())
    assert counted == {".jpg": 8, ".txt": 8, ".json": 8, ".dicom": 4, ".gz": 4, ".csv": 9, ".jsonl": 1}


def test_the_truth_names_every_image(written):
    truth = [json.loads(line) for line in (written / "truth.jsonl").read_text().splitlines()]
    images = {path.stem for path in (*written.rglob("*.jpg"), *written.rglob("*.dicom"))}
    assert {line["image_id"] for line in truth} == images and len(truth) == 12
    for line in truth:
        assert line["report"].strip() and line["sentences"] and line["regions"]
        for finding in line["findings"]:
            assert all(0 <= box[0] < box[2] <= 1 for box in finding["boxes"])
        if line["dataset"] == "mimic-cxr-jpg":
            stem = f"files/p{line['patient_id'][:2]}/p{line['patient_id']}/s{line['study_id']}.txt"
            assert (written / "mimic-cxr-reports" / stem).read_text() == line["report"]


def test_two_workers_write_the_same_bytes(written, tmp_path):
    folder = tmp_path / "again"
    command = [sys.executable, "-m", "jobs.phantoms", "--output", str(folder), "--workers", "2", *OPTIONS]
    subprocess.run(command, check=True, capture_output=True, cwd=Path(phantoms.__file__).parents[1], timeout=120)
    assert digests(folder) == digests(written)


def test_nih_images_come_on_top_and_change_no_other_byte(written, tmp_path):
    folder = tmp_path / "more"
    phantoms.main(["--output", str(folder), "--workers", "1", "--nih", "4", *OPTIONS])
    before, after = digests(written), digests(folder)
    assert {name for name in after if name not in before} == {
        name for name in after if name.startswith("nih-cxr14/")
    } and len(list(folder.rglob("*.png"))) == 4
    assert [name for name in before if after[name] != before[name]] == ["truth.jsonl"]
    assert (folder / "truth.jsonl").read_text().startswith((written / "truth.jsonl").read_text())


def test_splits_of_a_given_size(tmp_path):
    phantoms.main(
        ["--output", str(tmp_path), "--splits", "4", "4", "5", "--image-size", "64", "--workers", "1", "--seed", "3"]
    )
    truth = [json.loads(line) for line in (tmp_path / "truth.jsonl").read_text().splitlines()]
    assert len(truth) == 13 and {line["dataset"] for line in truth} == {"mimic-cxr-jpg", "vindr-cxr", "nih-cxr14"}


def test_another_seed_writes_other_files(written, tmp_path):
    phantoms.main(["--output", str(tmp_path), "--studies", "1", "--seed", "8", "--image-size", "64", "--workers", "1"])
    assert not {path.name for path in tmp_path.rglob("*.jpg")} & {path.name for path in written.rglob("*.jpg")}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--studies", "0"], "at least 1; found 0"),
        (["--studies", "2", "--workers", "0"], "at least 1; found 0"),
        (["--studies", "2", "--image-size", "10"], "64 to 2048; found 10"),
        (["--studies", "2", "--seed", "-1"], "non-negative integer; found -1"),
        (["--studies", "many"], "invalid int value: 'many'"),
        (["--studies", "2", "--nih", "-1"], "at least 0; found -1"),
        (["--splits", "4", "2", "4"], "of split validate must be at least 4; found 2"),
        (["--splits", "4", "4", "4", "--nih", "2"], "--splits has NIH images of its own"),
        (["--studies", "2", "--splits", "4", "4", "4"], "not allowed with argument"),
    ],
)
def test_impossible_numbers_are_refused(tmp_path, capsys, options, message):
    with pytest.raises(SystemExit) as stopped:
        phantoms.main(["--output", str(tmp_path / "out"), *options])
    assert stopped.value.code == 2 and message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_folder_with_something_in_it_is_refused(tmp_path, capsys):
    (tmp_path / "mine.txt").write_text("keep me")
    with pytest.raises(SystemExit):
        phantoms.main(["--output", str(tmp_path), *OPTIONS])
    assert "must be an empty or new folder" in capsys.readouterr().err
    assert (tmp_path / "mine.txt").read_text() == "keep me"


def test_a_folder_that_cannot_be_made_is_an_error_without_a_traceback(tmp_path, capsys):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(SystemExit) as stopped:
        phantoms.main(["--output", str(tmp_path / "file" / "raw"), "--studies", "1"])
    assert stopped.value.code == 2 and "Not a directory" in capsys.readouterr().err


def test_help_names_every_layout(capsys):
    with pytest.raises(SystemExit):
        phantoms.main(["--help"])
    text = capsys.readouterr().out
    for name in (
        "mimic-cxr-jpg",
        "mimic-cxr-reports",
        "chest-imagenome",
        "vindr-cxr",
        "ms-cxr",
        "nih-cxr14",
        "truth.jsonl",
    ):
        assert name in text
