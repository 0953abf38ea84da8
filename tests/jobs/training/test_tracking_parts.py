"""What waits for MLflow, who sends it, and what is said of code, data and machine."""

from __future__ import annotations

import json
import logging
import pickle
import subprocess
import threading
import time
import uuid

import pytest
import torch

from jobs.training.averages import Averages
from jobs.training.run_folder import RunFolder
from jobs.training.tracking import MlflowTracker, Tracking, default_tracking_uri
from jobs.training.tracking.__main__ import main
from jobs.training.tracking.data import data_manifest, dataset_input
from jobs.training.tracking.mlflow_run import Begin, MlflowRun
from jobs.training.tracking.outbox import Outbox
from jobs.training.tracking.patience import patience
from jobs.training.tracking.sender import Refused, Sender
from jobs.training.tracking.source import source_tags
from jobs.training.tracking.utilisation import Utilisation


class Listener:
    """A receiver that fails as often as it is told to and refuses what is poisoned."""

    def __init__(self, failures=0):
        self.failures, self.heard = failures, []

    def open(self):
        pass

    def receive(self, entries):
        if self.failures:
            self.failures -= 1
            raise ConnectionError("nobody there")
        if entries[0].get("poisoned"):
            raise Refused("not that")
        self.heard += entries


def numbered(outbox):
    return [outbox.read(name)["step"] for name in outbox.waiting()]


def metrics(step, **more):
    return {"kind": "metrics", "step": step, **more}


@pytest.mark.parametrize("root", ["disk", "memory"])
def test_what_waits_is_still_there_after_an_interruption(tmp_path, root):
    folder = RunFolder(tmp_path / "model" if root == "disk" else f"memory://{uuid.uuid4().hex}/model")
    outbox = Outbox(folder)
    for step in range(12):
        outbox.put(metrics(step))
    outbox.remove(outbox.waiting()[0])
    outbox.keep()
    outbox.remove(outbox.waiting()[0])
    again = Outbox(folder)
    again.put(metrics(12))
    assert numbered(again) == list(range(2, 13))


def test_an_entry_that_was_cut_off_is_left_out(tmp_path):
    outbox = Outbox(RunFolder(tmp_path / "model"))
    for step in range(3):
        outbox.put(metrics(step))
    (tmp_path / "model.training" / "tracking" / outbox.waiting()[1]).write_bytes(b'{"kind": "met')
    listener = Listener()
    assert Sender(outbox, listener, name="x").close() == 0
    assert [entry["step"] for entry in listener.heard] == [0, 2]


def test_everything_arrives_in_order_once_somebody_answers(tmp_path, caplog):
    outbox, listener = Outbox(RunFolder(tmp_path / "model")), Listener(failures=2)
    sender = Sender(outbox, listener, name="somewhere")
    tracker = MlflowTracker(outbox, sender)
    with caplog.at_level(logging.WARNING):
        for step in range(300):
            tracker.metrics(step, {"loss": 1.0})
            if step == 150:
                tracker.classes(step, {"auroc": {"a": 0.5}})
        outbox.put({"kind": "end", "step": 300, "poisoned": True})
        tracker.finish(failed=False)
    assert [entry["step"] for entry in listener.heard if entry["kind"] == "metrics"] == list(range(300))
    kinds = [entry["kind"] for entry in listener.heard]
    assert kinds.index("classes") == 151 and kinds[-1] == "end" and listener.heard[-1]["status"] == "FINISHED"
    assert caplog.text.count("nobody there") == 1, "an outage is told once"
    assert "not that" in caplog.text and not outbox.waiting()


def test_nobody_waits_for_one_who_never_answered(tmp_path, monkeypatch, caplog):
    from jobs.training.tracking import sender

    monkeypatch.setattr(sender, "SHORT_WAIT", 0.2)

    class Silent(Listener):
        def open(self):
            raise ConnectionError("nobody there")

    outbox = Outbox(RunFolder(tmp_path / "model"))
    tracker = MlflowTracker(outbox, Sender(outbox, Silent(), name="nowhere"))
    began = time.monotonic()
    for step in range(50):
        tracker.metrics(step, {"loss": 1.0})
    assert time.monotonic() - began < 1
    tracker.finish(failed=True)
    assert time.monotonic() - began < 4
    assert len(outbox.waiting()) == 51 and "51 entries wait in" in caplog.text


def test_many_parameters_are_sent_in_portions():
    portions = []

    class Client:
        def log_batch(self, run_id, *, params):
            portions.append([param.key for param in params])

    run = MlflowRun("x", Begin("key", "name", 0, parameters={f"p{n}": "v" * 7000 for n in range(230)}))
    run._client, run.run_id = Client(), "run"
    run._describe()
    assert [len(portion) for portion in portions] == [100, 100, 30] and portions[2][-1] == "p229"


def test_mlflow_is_impatient_only_meanwhile(monkeypatch):
    from mlflow.environment_variables import MLFLOW_HTTP_REQUEST_MAX_RETRIES, MLFLOW_HTTP_REQUEST_TIMEOUT

    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "77")
    with patience():
        assert MLFLOW_HTTP_REQUEST_MAX_RETRIES.get() == 0 and MLFLOW_HTTP_REQUEST_TIMEOUT.get() == 10
    assert MLFLOW_HTTP_REQUEST_MAX_RETRIES.get() > 0 and MLFLOW_HTTP_REQUEST_TIMEOUT.get() == 77


def test_a_torch_file_runs_no_code(tmp_path):
    from jobs.training.tracking import torch_file

    class Command:
        def __reduce__(self):
            return (print, ("run",))

    torch.save({"config.json": Command()}, tmp_path / "model.pth")
    with pytest.raises(pickle.UnpicklingError, match="found .*print"):
        torch.load(tmp_path / "model.pth", pickle_module=torch_file)
    torch.save({"../config.json": torch.zeros(2, dtype=torch.uint8)}, tmp_path / "model.pth")
    with pytest.raises(pickle.UnpicklingError, match="files of one folder"):
        torch.load(tmp_path / "model.pth", pickle_module=torch_file)


def test_the_commit_and_whether_it_was_changed(tmp_path):
    def git(*arguments):
        subprocess.run(
            ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b", *arguments], check=True
        )

    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / "train.py").write_text("1")
    assert source_tags(tmp_path) == {}
    git("init", "-q")
    assert source_tags(tmp_path) == {}, "code that another repository holds without knowing it"
    git("add", ".")
    git("commit", "-q", "-m", "x")
    tags = source_tags(tmp_path)
    assert len(tags["mlflow.source.git.commit"]) == 40 and tags["git.changed"] == "false"
    (tmp_path / "jobs" / "train.py").write_text("2")
    assert source_tags(tmp_path) == {**tags, "git.changed": "true"}


def test_data_are_known_by_their_hash(tmp_path):
    assert data_manifest(str(tmp_path)) is None
    content = {"data_sha256": "ab" * 32, "rows": {"nih": {"train": 7}, "vindr": {"train": 2}}}
    (tmp_path / "manifest.json").write_text(json.dumps(content))
    dataset = dataset_input(data_manifest(str(tmp_path))).dataset
    assert dataset.digest == "ab" * 18 and dataset.name == "nih+vindr"
    assert json.loads(dataset.profile) == {"rows": content["rows"]}


def test_how_busy_the_machine_was():
    utilisation = Utilisation(interval=0.05)
    end = time.monotonic() + 30
    found = {}
    while "system/cpu_utilization_percentage" not in found and time.monotonic() < end:
        sum(range(10**6))
        found = utilisation.since_last({"seconds_per_step": 2.0, "data_wait_seconds": 0.5})
    utilisation.stop()
    assert found["data_wait_share"] == 0.25 and 0 < found["system/process_cpu_share"] <= 1.5
    assert 0 <= found["system/cpu_utilization_percentage"] <= 100
    assert found["system/system_memory_usage_percentage"] > 0


def test_tokens_count_where_sentences_are_written():
    averages = Averages()
    averages.add({}, samples=4, waited=0.0, began=time.perf_counter() - 2)
    assert "tokens_per_second" not in averages.summary()
    averages.add({}, samples=4, tokens=600, waited=0.0, began=time.perf_counter() - 1)
    assert averages.summary()["tokens_per_second"] == pytest.approx(200, rel=0.01)


def test_names_of_experiments():
    assert Tracking("x", experiment="Paper, again".replace(",", "")).experiment == "Paper again"
    for name in ("it's", "", " a", "a%"):
        with pytest.raises(ValueError, match="--experiment: expected letters"):
            Tracking("x", experiment=name)
    with pytest.raises(ValueError, match="give one of them"):
        Tracking("x", parent="1", experiment="a")


def test_where_a_run_is_tracked_by_default(tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert default_tracking_uri(RunFolder(tmp_path / "model")) == f"sqlite:///{tmp_path}/mlflow.db"
    assert default_tracking_uri(RunFolder("memory://x/model")) == "none"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://somewhere")
    assert default_tracking_uri(RunFolder("memory://x/model")) == "https://somewhere"


def test_the_command_needs_a_run(tmp_path, capsys):
    assert main([str(tmp_path / "none")]) == 2 and "no run at" in capsys.readouterr().err


def test_threads_end(tmp_path):
    before = threading.active_count()
    Sender(Outbox(RunFolder(tmp_path / "model")), Listener(), name="x").close()
    assert threading.active_count() <= before
