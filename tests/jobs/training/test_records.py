"""Checkpoints and journal: complete or absent, and read back as they were."""

from __future__ import annotations

import pickle
import time
from contextlib import closing
from functools import partial

import pytest
import torch

from jobs.training.checkpoint import Checkpoints
from jobs.training.journal import Journal, followed, read_journal, sentence
from jobs.training.run_folder import RunFolder, Superseded
from pipelines.output_folder import OutputFolder


def folder_of(path) -> OutputFolder:
    return OutputFolder(str(path))


def test_only_the_last_checkpoints_stay(tmp_path):
    checkpoints = Checkpoints(folder_of(tmp_path / "c"), keep=2)
    assert checkpoints.load() is None and checkpoints.last_step == 0 and checkpoints.load_best() is None
    for step in (5, 10, 15):
        checkpoints.save(step, {"model": {"w": torch.full((2,), float(step))}, "progress": {"step": step}})
        checkpoints.save_best(step, {"w": torch.full((1,), -float(step))})
    checkpoints.close()
    assert checkpoints.last_step == 15 and checkpoints.load()["model"]["w"].tolist() == [15.0, 15.0]
    assert checkpoints.load_best()["w"].tolist() == [-15.0]
    assert sorted(path.name for path in (tmp_path / "c").iterdir()) == [
        "best-000000010.pt", "best-000000015.pt", "step-000000010.pt", "step-000000015.pt",
    ]  # fmt: skip


def test_what_is_saved_is_the_state_at_that_moment(tmp_path):
    weights = torch.zeros(300, 300)
    with closing(Checkpoints(folder_of(tmp_path))) as checkpoints:
        checkpoints.save(1, {"model": {"w": weights}, "groups": [{"lr": 0.5, "params": (weights,)}]})
        weights += 1  # training goes on while it is written
    state = checkpoints.load()
    assert not state["model"]["w"].any() and not state["groups"][0]["params"][0].any()


def test_a_checkpoint_that_cannot_be_written_is_an_error_of_the_next_call(tmp_path):
    (tmp_path / "c").write_text("a file where the folder should be")
    checkpoints = Checkpoints(folder_of(tmp_path / "c"))
    checkpoints.save(1, {"step": 1})
    with pytest.raises(OSError):
        checkpoints.save(2, {"step": 2})


def test_a_write_that_was_cut_off_is_not_a_checkpoint(tmp_path):
    with closing(Checkpoints(folder_of(tmp_path))) as checkpoints:
        checkpoints.save(5, {"step": 5})
    (tmp_path / ".step-000000006.pt.abc.unfinished").write_bytes(b"half of")
    assert checkpoints.load() == {"step": 5}


def test_the_best_weights_of_every_state_that_is_left_stay(tmp_path):
    with closing(Checkpoints(folder_of(tmp_path), keep=2)) as checkpoints:
        for step in (2, 4, 5, 7):
            checkpoints.save_best(step, {"of": step})
        for step in (3, 6, 9):
            checkpoints.save(step, {"step": step})
        checkpoints.save_best(11, {"of": 11})
        checkpoints.wait()
        assert checkpoints._steps("best") == [5, 7, 11] and checkpoints._steps("step") == [6, 9]
        assert checkpoints.load(6) == {"step": 6}
        checkpoints.forget_after(6)  # the later steps will be done again
        assert checkpoints.load_best() == {"of": 5}


@pytest.mark.parametrize("damage", [lambda content: content[:-200], lambda content: b"", lambda content: b"x" * 500])
def test_a_damaged_checkpoint_is_named(damage, tmp_path):
    with closing(Checkpoints(folder_of(tmp_path))) as checkpoints:
        checkpoints.save(7, {"model": {"w": torch.arange(100.0)}})
    file = tmp_path / "step-000000007.pt"
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(ValueError, match=f"^{file}: expected a complete checkpoint, it is damaged .*; remove it"):
        checkpoints.load()
    file.unlink()
    assert checkpoints.load() is None


def test_a_changed_bit_is_seen(tmp_path):
    with closing(Checkpoints(folder_of(tmp_path))) as checkpoints:
        checkpoints.save(7, {"model": {"w": torch.arange(100.0)}})
    file = tmp_path / "step-000000007.pt"
    content = bytearray(file.read_bytes())
    content[content.index(torch.arange(100.0).numpy().tobytes()) + 200] ^= 1
    file.write_bytes(content)
    with pytest.raises(ValueError, match="damaged"):
        checkpoints.load()


def test_a_run_that_another_process_has_gone_on_with_writes_no_more(tmp_path):
    run = RunFolder(tmp_path / "model")
    first = run.claim()
    allowed = partial(run.check_owner, first)
    journal = Journal(run.work, allowed=allowed)
    checkpoints = Checkpoints(folder_of(tmp_path / "model.training" / "checkpoints"), allowed=allowed)
    journal.metrics(1, {"train/loss": 1.0})
    run.check_owner(run.claim())
    with pytest.raises(Superseded, match="another process has gone on with the run of .*model; this one ends"):
        journal.metrics(2, {"train/loss": 0.5})
    checkpoints.save(2, {"step": 2})
    with pytest.raises(Superseded):
        checkpoints.close()
    journal.close()
    assert checkpoints.last_step == 0 and [entry["step"] for entry in read_journal(run.work)] == [1]
    with pytest.raises(FileNotFoundError, match="do all nodes share it"):
        RunFolder(tmp_path / "elsewhere").check_owner(first)


def test_a_checkpoint_runs_no_code(tmp_path):
    class Command:
        def __reduce__(self):
            return (print, ("run",))

    torch.save({"step": Command()}, tmp_path / "step-000000001.pt")
    with pytest.raises(ValueError, match="step-000000001.pt: expected a complete checkpoint") as caught:
        Checkpoints(folder_of(tmp_path)).load()
    assert isinstance(caught.value.__cause__, pickle.UnpicklingError)


def test_publishing_replaces_the_whole_folder(tmp_path):
    old = tmp_path / "model"
    old.mkdir()
    (old / "old").write_text("old")

    def save(place):
        assert (old / "old").exists(), "what was there stays until the new one is complete"
        place.mkdir(parents=True)
        (place / "new").write_text("new")

    RunFolder(old).publish(save)
    assert [path.name for path in old.iterdir()] == ["new"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model", "model.training"]


def test_a_journal_forgets_what_came_after_the_checkpoint(tmp_path):
    folder = folder_of(tmp_path / "x")
    journal = Journal(folder)
    for step in (1, 2, 3):
        journal.metrics(step, {"train/loss": 1.0 / step})
    with (tmp_path / "x" / "journal.jsonl").open("a") as file:
        file.write('{"step": 4, "tra')
    assert [entry["step"] for entry in read_journal(folder)] == [1, 2, 3]
    Journal(folder, start_step=2)
    assert [entry["step"] for entry in read_journal(folder)] == [1, 2]


def test_followers_hear_what_is_new(tmp_path):
    folder, heard = folder_of(tmp_path), []
    Journal(folder).metrics(1, {"a": 1.0})
    with followed(folder, heard.append, interval=0.01):
        journal = Journal(folder, start_step=1)
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
