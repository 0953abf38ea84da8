"""The same run on Ray Train with two workers."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file

from jobs.training.driver import train
from jobs.training.journal import read_journal
from jobs.training.process import Diverged
from pipelines.batches import Feed
from tests.jobs.training.made_up_stage import MadeUpStage, PoisonedStage
from tests.jobs.training.test_loop import CONFIG
from tests.pipelines.small_shards import write_shards


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
        tracking_uri="none",
        listener=heard.append,
    )
    assert outcome["steps"] == 25 and outcome["best"] == 1.0
    entries = read_journal(tmp_path / "model.training" / "journal.jsonl")
    assert heard == entries and [entry["step"] for entry in entries if "train/loss" in entry] == list(range(1, 26))
    assert load_file(tmp_path / "model" / "model.safetensors")["line.weight"].shape == (1, 1024)


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
    with pytest.raises(Diverged, match="stage detector.*words/00013"):
        train(
            replace(CONFIG, workers=1),
            data_uri=uri,
            output=tmp_path / "model",
            stage_of=PoisonedStage,
            tracking_uri="none",
        )
    assert not (tmp_path / "model").exists()
