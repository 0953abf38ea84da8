"""Checkpoints and journal: complete or absent, and read back as they were."""

from __future__ import annotations

import pickle
import time

import pytest
import torch

from jobs.training.checkpoint import Checkpoints, publish
from jobs.training.journal import Journal, followed, read_journal, sentence


def test_only_the_last_checkpoint_stays(tmp_path):
    checkpoints = Checkpoints(tmp_path / "c")
    assert checkpoints.load() is None and checkpoints.last_step == 0 and checkpoints.load_best() is None
    for step in (5, 10):
        checkpoints.save(step, {"model": {"w": torch.full((2,), float(step))}, "progress": {"step": step}})
    assert checkpoints.last_step == 10 and checkpoints.load()["model"]["w"].tolist() == [10.0, 10.0]
    assert [path.name for path in (tmp_path / "c").iterdir()] == ["step-000000010.pt"]


def test_a_write_that_was_cut_off_is_not_a_checkpoint(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(5, {"step": 5})
    (tmp_path / "step-000000006.partial").write_bytes(b"half of")
    assert checkpoints.load() == {"step": 5}


def test_a_checkpoint_runs_no_code(tmp_path):
    class Command:
        def __reduce__(self):
            return (print, ("run",))

    torch.save({"step": Command()}, tmp_path / "step-000000001.pt")
    with pytest.raises(pickle.UnpicklingError):
        Checkpoints(tmp_path).load()


def test_publishing_replaces_the_whole_folder(tmp_path):
    old, new = tmp_path / "model", tmp_path / "partial"
    for folder, name in ((old, "old"), (new, "new")):
        folder.mkdir()
        (folder / name).write_text(name)
    publish(new, old)
    assert [path.name for path in old.iterdir()] == ["new"] and sorted(p.name for p in tmp_path.iterdir()) == ["model"]


def test_a_journal_forgets_what_came_after_the_checkpoint(tmp_path):
    path = tmp_path / "x" / "journal.jsonl"
    journal = Journal(path)
    for step in (1, 2, 3):
        journal.metrics(step, {"train/loss": 1.0 / step})
    with path.open("a") as file:
        file.write('{"step": 4, "tra')
    assert [entry["step"] for entry in read_journal(path)] == [1, 2, 3]
    Journal(path, start_step=2)
    assert [entry["step"] for entry in read_journal(path)] == [1, 2]


def test_followers_hear_what_is_new(tmp_path):
    path, heard = tmp_path / "journal.jsonl", []
    Journal(path).metrics(1, {"a": 1.0})
    with followed(path, heard.append, interval=0.01):
        journal = Journal(path, start_step=1)
        journal.metrics(2, {"a": 2.0})
        deadline = time.monotonic() + 5
        while not heard and time.monotonic() < deadline:
            time.sleep(0.01)
        assert [entry["step"] for entry in heard] == [2]
        journal.metrics(3, {"a": 3.0})
    assert [entry["step"] for entry in heard] == [2, 3]


def test_lines_for_people():
    entry = {
        "step": 150, "train/loss": 1.2345678, "learning_rate": 1e-4, "samples_per_second": 41.23,
        "seconds_per_step": 2.0, "data_wait_seconds": 0.1,
    }  # fmt: skip
    line = sentence(entry, stage="detector", steps=3000)
    assert (
        line == "detector 150/3000 (5 %)  loss 1.235  rate 0.0001  41.2 samples/s (5 % waiting for data)  1:35:00 left"
    )
    assert sentence({"step": 10, "validate/mAP": 0.25}, stage="x", steps=20) == "x 10/20 (50 %)  validation: mAP 0.25"
    assert sentence({"step": 10, "notice": "No MLflow."}, stage="x", steps=20) == "x 10/20 (50 %)  No MLflow."
