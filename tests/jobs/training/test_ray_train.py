"""The same run on Ray Train with two workers."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file

from jobs.training.driver import train
from jobs.training.journal import read_journal
from jobs.training.process import Diverged
from pipelines.batches import Feed
from pipelines.output_folder import OutputFolder
from tests.jobs.training.made_up_stage import MadeUpStage, PoisonedStage
from tests.jobs.training.test_loop import CONFIG
from tests.pipelines.small_shards import write_shards


class WaitingStage(MadeUpStage):
    """Its first validation lasts until a file is there."""

    def __init__(self, name: str, *, until: Path) -> None:
        super().__init__(name)
        self.until = until

    def validate(self, model, objective, batches, tasks=()):
        while not self.until.exists():
            time.sleep(0.1)
        return super().validate(model, objective, batches, tasks)


@pytest.fixture(scope="module")
def uri(tmp_path_factory):
    counts = {("words", "train"): 40, ("words", "validate"): 11}
    return write_shards(tmp_path_factory.mktemp("shards"), counts)


def test_two_workers_train_one_model(uri, tmp_path, ray_local):
    heard = []
    outcome = train(
        replace(CONFIG, workers=2),
        data_uri=uri,
        output=tmp_path / "model",
        stage_of=MadeUpStage,
        tracking_uri="nowhere://at-all",
        listener=heard.append,
    )
    assert outcome["steps"] == 25 and outcome["best"] == 1.0
    entries = read_journal(OutputFolder(str(tmp_path / "model.training")))
    assert "goes on without MLflow" in next(entry["notice"] for entry in entries if "notice" in entry)
    assert heard == entries and [entry["step"] for entry in entries if "train/loss" in entry] == list(range(1, 26))
    assert load_file(tmp_path / "model" / "model.safetensors")["line.weight"].shape == (1, 1024)


def test_another_ray_on_the_machine_leaves_the_training_alone(uri, tmp_path, ray_local):
    """Ray Train's guard must not ask the other one, the machine's newest, for this training and end it."""
    waiting = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(_start_another_ray, waiting, tmp_path / "go")
        try:
            outcome = train(
                replace(CONFIG, workers=1),
                data_uri=uri,
                output=tmp_path / "model",
                stage_of=partial(WaitingStage, until=tmp_path / "go"),
                tracking_uri="none",
                listener=lambda _: waiting.set(),  # the guard works before the first step does
            )
        finally:
            waiting.set()
            process = other.result()
            process.terminate()
            process.wait(60)
            address_file().unlink(missing_ok=True)
    assert outcome["steps"] == 25


def address_file() -> Path:
    """Where `ray start` says that its Ray is the machine's newest, and Ray looks it up."""
    return Path(os.environ["RAY_TMPDIR"]) / "ray" / "ray_current_cluster"


def _start_another_ray(waiting: threading.Event, go: Path) -> subprocess.Popen:
    """Starts it in the midst of the training, gives the guard (once a second) time to ask it, and writes `go`."""
    waiting.wait()
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "start_new_session": True}
    options = ["--port=0", "--num-cpus=0", "--dashboard-port=0", "--object-store-memory=80000000"]
    command = Path(sys.executable).with_name("ray")
    process = subprocess.Popen([command, "start", "--head", "--block", "--include-dashboard=true", *options], **quiet)
    while not address_file().exists() and process.poll() is None:
        time.sleep(0.1)
    time.sleep(4)
    go.touch()
    return process


def test_a_run_that_diverged_in_a_worker_says_so(uri, tmp_path, monkeypatch):
    """The workers' part and the driver's part, without the half minute that real workers take to start."""
    import ray
    import ray.train.torch

    class Trainer:
        def __init__(self, loop, *, train_loop_config, **_):
            self.result = SimpleNamespace(return_value=loop(train_loop_config))

        def fit(self):
            return self.result

    rows = {"train-0": lambda: (), "validate": lambda: ()}
    monkeypatch.setattr(ray, "is_initialized", lambda: True)
    monkeypatch.setattr(ray, "cluster_resources", lambda: {"CPU": 2.0})
    monkeypatch.setattr(ray.train, "get_context", lambda: SimpleNamespace(get_world_rank=lambda: 0))
    monkeypatch.setattr(ray.train, "get_dataset_shard", rows.__getitem__)
    monkeypatch.setattr(ray.train.torch, "TorchTrainer", Trainer)
    monkeypatch.setattr(ray.train.torch, "get_device", lambda: torch.device("cpu"))
    monkeypatch.setattr(Feed, "batches_of", lambda feed, iterator: iter(feed))
    with pytest.raises(Diverged, match="stage detector.*words/3bd7f6688919"):
        train(
            replace(CONFIG, workers=1),
            data_uri=uri,
            output=tmp_path / "model",
            stage_of=PoisonedStage,
            tracking_uri="none",
        )
    assert not (tmp_path / "model").exists()
