"""What waits for MLflow, who sends it, and what is said of code, data and machine."""

from __future__ import annotations

import json
import logging
import math
import pickle
import subprocess
import threading
import time
import uuid
from dataclasses import replace

import pytest
import torch

from jobs.training.averages import Averages
from jobs.training.driver import train
from jobs.training.journal import read_journal
from jobs.training.run_folder import RunFolder, Superseded
from jobs.training.tracking import MlflowTracker, Tracking, default_tracking_uri
from jobs.training.tracking.__main__ import main
from jobs.training.tracking.data import dataset_input
from jobs.training.tracking.mlflow_run import Begin, MlflowRun
from jobs.training.tracking.outbox import Outbox
from jobs.training.tracking.patience import patience
from jobs.training.tracking.sender import Refused, Sender
from jobs.training.tracking.source import source_tags
from jobs.training.tracking.utilisation import Utilisation
from pipelines.output_folder import OutputFolder
from tests.jobs.training.made_up_stage import MadeUpStage
from tests.jobs.training.test_loop import CONFIG
from tests.pipelines.small_shards import write_shards


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
        if any(entry.get("poisoned") for entry in entries):
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


def test_of_many_points_only_the_refused_ones_are_lost(tmp_path):
    outbox, listener = Outbox(RunFolder(tmp_path / "model")), Listener(failures=1)
    for step in range(5):
        outbox.put(metrics(step, poisoned=step in (0, 3)))
    assert Sender(outbox, listener, name="x").close() == 0
    assert [entry["step"] for entry in listener.heard] == [1, 2, 4]


def test_who_was_superseded_says_nothing_more(tmp_path):
    from jobs.training.tracking import tracked_experiment

    folder = RunFolder(tmp_path / "model")
    with pytest.raises(Superseded), tracked_experiment(f"sqlite:///{tmp_path}/x.db", "a", {}, folder=folder):
        raise Superseded
    assert not Outbox(folder).waiting()


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

    def now():
        return MLFLOW_HTTP_REQUEST_MAX_RETRIES.get(), MLFLOW_HTTP_REQUEST_TIMEOUT.get()

    end = time.monotonic() + 60
    while now()[0] == 0 and time.monotonic() < end:
        time.sleep(0.1)  # another test's sender has not noticed yet that its run is over
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "77")
    before = now()
    one, other = patience(), patience(long=True)
    one.__enter__()
    assert now() == (0, 10)
    other.__enter__()
    one.__exit__(None, None, None)
    assert now() == (0, 300), "whoever is still at it is not disturbed"
    other.__exit__(None, None, None)
    assert now() == before and before[0] > 0


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


def test_data_are_known_by_their_hash():
    data = {"images": {"nih": 7, "vindr": 2}, "sha256": "ab" * 32, "uri": "s3://x"}
    dataset = dataset_input(data).dataset
    assert dataset.digest == "ab" * 18 and dataset.name == "nih+vindr"
    assert json.loads(dataset.profile) == {"training_images": data["images"]}


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


class CountingStage(MadeUpStage):
    """Asks for seven tokens at each step."""

    class objective(MadeUpStage.objective):
        tokens_written = 0

        def __call__(self, model, batch, generator):
            self.tokens_written += 7
            return super().__call__(model, batch, generator)


def test_the_parts_of_a_model_have_norms_and_rates_of_their_own(tmp_path):
    uri = write_shards(tmp_path / "shards", {("words", "train"): 20})
    optimizer = replace(CONFIG.optimizer, steps=5, lr_factors={"weight": 0.5})
    config = replace(CONFIG, watch=None, validate_every=0, optimizer=optimizer)
    train(config, data_uri=uri, output=tmp_path / "model", stage_of=CountingStage, tracking_uri="none")
    for entry in read_journal(OutputFolder(str(tmp_path / "model.training"))):
        parts = [entry[f"gradient_norm/{part}"] for part in ("weight", "bias")]
        assert math.hypot(*parts) == pytest.approx(entry["gradient_norm"], rel=1e-5)
        assert entry["learning_rate/weight"] == pytest.approx(entry["learning_rate"] / 2)
        assert entry["tokens_per_second"] == pytest.approx(7 / entry["seconds_per_step"])


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
