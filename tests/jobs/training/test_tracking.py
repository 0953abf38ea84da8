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


def test_a_server_that_is_down_is_asked_three_times_and_then_left_alone(caplog):
    from jobs.training.tracking import MlflowTracker

    class Down:
        asked = 0
        wakes_at = 3

        def log_batch(self, run_id, **_):
            self.asked += 1
            if self.asked != self.wakes_at:
                raise ConnectionError("nobody there")

    client = Down()
    tracker = MlflowTracker(client, "run")
    with caplog.at_level(logging.WARNING):
        for step in range(20):
            tracker.metrics(step, {"train/loss": 1.0})
    assert client.asked == 6, "two failures, one success, three failures in a row"
    assert caplog.text.count("nobody there") == 5 and caplog.text.count("giving up") == 1


def test_many_parameters_are_sent_in_portions():
    from jobs.training.tracking import MlflowTracker

    portions = []

    class Client:
        def log_batch(self, run_id, *, params):
            portions.append([param.key for param in params])

    MlflowTracker(Client(), "run").parameters({f"p{number}": number for number in range(230)})
    assert [len(portion) for portion in portions] == [100, 100, 30] and portions[2][-1] == "p229"


@pytest.mark.filterwarnings("error:.*input example.*")
def test_a_logged_model_answers(tiny_model_dir, tmp_path, caplog):
    import io

    import mlflow
    import numpy as np
    import pandas
    from mlflow import MlflowClient
    from PIL import Image

    from jobs.training.tracking import MlflowTracker

    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    client = MlflowClient(uri)
    experiment = client.create_experiment("x", artifact_location=(tmp_path / "artifacts").as_uri())
    run_id = client.create_run(experiment).info.run_id
    MlflowTracker(client, run_id).model(tiny_model_dir)
    (logged,) = client.search_logged_models([experiment])
    previous = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(uri)
    try:
        model = mlflow.pyfunc.load_model(logged.model_uri)
    finally:
        mlflow.set_tracking_uri(previous)
    image = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (60, 50), dtype=np.uint8)).save(image, "PNG")
    answer, report = model.predict(
        pandas.DataFrame({"image": [image.getvalue()] * 2, "text": ["pleural effusion", None]})
    )
    assert answer["findings"][0]["query"]["text"] == "pleural effusion" and len(answer["findings"]) == 1
    assert isinstance(report["text"], str)
    (example,) = model.predict(model.input_example)
    assert example["findings"][0]["query"]["text"] == "pleural effusion"
    assert not caplog.text
