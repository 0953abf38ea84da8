"""MLflow: everything is there afterwards, and a tracker that fails costs nothing."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest

from jobs.training.driver import train
from jobs.training.process import Diverged
from tests.jobs.training.made_up_stage import MadeUpStage, PoisonedStage
from tests.jobs.training.test_loop import CONFIG
from tests.pipelines.small_shards import write_shards


@pytest.fixture(scope="module")
def uri(tmp_path_factory):
    counts = {("words", "train"): 20, ("words", "validate"): 5}
    return write_shards(tmp_path_factory.mktemp("shards"), counts)


def test_a_run_is_tracked_where_it_happened(uri, tmp_path, monkeypatch):
    from mlflow import MlflowClient

    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    config = replace(CONFIG, optimizer=replace(CONFIG.optimizer, steps=10))
    train(config, data_uri=uri, output=tmp_path / "model", stage_of=MadeUpStage)
    client = MlflowClient(f"sqlite:///{tmp_path / 'mlflow.db'}")
    (experiment,) = client.search_experiments(filter_string="name = 'chex-ray'")
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.status == "FINISHED" and run.info.run_name == "detector model"
    assert run.data.params["optimizer.lr"] == "0.001" and run.data.params["parameters"] == "1031"
    assert run.data.metrics["validate/accuracy"] > 0.5
    curve = client.get_metric_history(run.info.run_id, "train/side")
    assert [metric.step for metric in curve] == list(range(1, 11))
    assert [file.path for file in client.list_artifacts(run.info.run_id, "pictures/step-000000010")] == [
        "pictures/step-000000010/first.png"
    ]
    assert client.search_logged_models([experiment.experiment_id])
    assert run.data.params["data_sha256"] == "unknown", "these shards have no manifest"
    versions = client.search_model_versions("name = 'chex-ray'")
    assert [version.tags["stage"] for version in versions] == ["detector"]
    assert client.get_model_version_by_alias("chex-ray", "newest-detector").run_id == run.info.run_id
    assert (tmp_path / "mlflow-artifacts").is_dir()

    with pytest.raises(Diverged):
        train(config, data_uri=uri, output=tmp_path / "poisoned", stage_of=PoisonedStage)
    statuses = {run.info.run_name: run.info.status for run in client.search_runs([experiment.experiment_id])}
    assert statuses == {"detector model": "FINISHED", "detector poisoned": "FAILED"}


def test_a_tracker_that_cannot_be_reached_costs_nothing(uri, tmp_path, caplog):
    config = replace(CONFIG, optimizer=replace(CONFIG.optimizer, steps=3))
    (tmp_path / "file").write_text("no folder")
    with caplog.at_level(logging.WARNING):
        outcome = train(
            config,
            data_uri=uri,
            output=tmp_path / "model",
            stage_of=MadeUpStage,
            tracking_uri=f"sqlite:///{tmp_path / 'file' / 'mlflow.db'}",
        )
    assert outcome["steps"] == 3 and (tmp_path / "model" / "model.safetensors").is_file()
    assert "goes on without MLflow" in caplog.text
