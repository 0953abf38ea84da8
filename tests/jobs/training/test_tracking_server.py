"""A real MLflow server with PostgreSQL: what it knows after runs during which it was killed, stopped or away."""

from __future__ import annotations

import io
import json
import logging
import pathlib
import threading
import time
from dataclasses import replace

import pytest

from jobs.training.driver import train
from jobs.training.journal import read_journal
from jobs.training.run_folder import RunFolder
from jobs.training.tracking import sender, tracked_experiment
from jobs.training.validation import Validated
from pipelines.output_folder import OutputFolder
from tests.jobs.training.made_up_stage import MadeUpStage
from tests.jobs.training.test_loop import CONFIG
from tests.mlflow_server import MlflowServer, PostgresServer
from tests.pipelines.small_shards import write_shards

STEPS = 30
DATA = "0123456789abcdef" * 4


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    database = PostgresServer()
    try:
        server = MlflowServer(database.uri, tmp_path_factory.mktemp("mlflow"))
        yield server
        server.go_on()
        server.kill()
    finally:
        database.stop()


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    uri = write_shards(tmp_path_factory.mktemp("shards"), {("words", "train"): 20, ("words", "validate"): 5})
    rows = {"words": {"train": 20, "validate": 5}}
    pathlib.Path(uri, "manifest.json").write_text(json.dumps({"data_sha256": DATA, "rows": rows}))
    return uri


@pytest.fixture
def start(data, tmp_path, server):
    config = replace(CONFIG, watch=None, optimizer=replace(CONFIG.optimizer, steps=STEPS))

    def start(stage_of, name="model", **changes):
        given = {"data_uri": data, "output": tmp_path / name, "stage_of": stage_of, "tracking_uri": server.uri}
        return train(changes.pop("config", config), **{**given, **changes})

    return start


def stage_that(does=lambda step: None):
    """A stage that calls `does` at each validation and has a figure of two classes."""

    class Stage(MadeUpStage):
        step = 0

        def validate(self, model, objective, batches, tasks=()):
            type(self).step += CONFIG.validate_every
            does(self.step)
            found = super().validate(model, objective, batches, tasks)
            value = found.figures["accuracy"]
            return Validated({**found.figures, "auroc": value}, {"auroc": {"left": value, "right": 1 - value}})

    return Stage


def run_of(server, name):
    from mlflow import MlflowClient

    client = MlflowClient(server.uri)
    experiment = client.get_experiment_by_name("chex-ray").experiment_id
    (run,) = client.search_runs([experiment], f"attributes.run_name = '{name}'")
    return client, run


def wait_for_run(server, name):
    """Its training is over in a second."""
    from mlflow import MlflowClient

    client, end = MlflowClient(server.uri), time.monotonic() + 60
    while time.monotonic() < end:
        experiment = client.get_experiment_by_name("chex-ray")
        runs = client.search_runs([experiment.experiment_id]) if experiment else []
        if any(run.info.run_name == name and run.data.params for run in runs):
            return
        time.sleep(0.1)


def assert_everything_is_there(client, run, journal):
    """Each point of the journal once, with its value and time; pictures, table, parameters, model and end."""
    told = {}
    for entry in journal:
        for name, value in entry.items():
            if name not in ("step", "time", "notice"):
                told.setdefault(name, []).append((entry["step"], value, entry["time"]))
    for name, points in told.items():
        history = sorted(client.get_metric_history(run.info.run_id, name), key=lambda point: point.step)
        assert [point.step for point in history] == [step for step, *_ in points], name
        assert [point.value for point in history] == pytest.approx([value for _, value, _ in points]), name
        assert all(abs(point.timestamp / 1000 - time) < 1 for point, (*_, time) in zip(history, points)), name
    assert {"train/side", "gradient_norm/weight", "learning_rate", "validate/accuracy"} <= set(told)
    table = read_table(client, run)
    assert [(row[0], row[2]) for row in table] == [(s, c) for s in (10, 20, 30) for c in ("left", "right")]
    pictures = client.list_artifacts(run.info.run_id, "pictures")
    assert [picture.path for picture in pictures] == [f"pictures/step-{step:09d}" for step in (10, 20, 30)]
    assert [used.dataset.digest for used in run.inputs.dataset_inputs] == [DATA[:36]]
    assert run.data.tags["data_sha256"] == run.data.params["data_sha256"] == DATA
    assert run.info.status == "FINISHED" and run.data.params["optimizer.lr"] == "0.001"
    (model,) = client.search_logged_models([run.info.experiment_id], f"source_run_id = '{run.info.run_id}'")
    assert str(model.status) == "READY"


def read_table(client, run):
    return json.loads(pathlib.Path(client.download_artifacts(run.info.run_id, "validation_classes.json")).read_text())[
        "data"
    ]


def test_a_server_that_is_killed_in_the_middle_misses_nothing(start, server, tmp_path, monkeypatch):
    monkeypatch.setattr(sender, "LAST_WAIT", 240.0)  # on a busy machine a server starts slowly
    monkeypatch.setattr(sender, "PAUSES", (0.5,))
    restarts = []

    def kill(step):
        if step == 10:
            wait_for_run(server, "detector killed")
            server.kill()
            restarts.append(threading.Thread(target=server.start))
            restarts[0].start()

    start(stage_that(kill), "killed")
    restarts[0].join()
    journal = read_journal(OutputFolder(str(tmp_path / "killed.training")))
    assert_everything_is_there(*run_of(server, "detector killed"), journal)
    assert not list((tmp_path / "killed.training" / "tracking").iterdir())


def test_a_server_that_stays_away_is_told_by_the_next_resume(start, server, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(sender, "LAST_WAIT", 1.0)
    monkeypatch.setattr(sender, "LONGEST_DELIVERY", 1.0)

    def pause(step):
        if step == 10:
            wait_for_run(server, "detector left")
            server.pause()

    with caplog.at_level(logging.WARNING):
        start(stage_that(pause), "left")
    assert "--resume sends them" in caplog.text
    journal = read_journal(OutputFolder(str(tmp_path / "left.training")))
    slowest = max(entry["seconds_per_step"] for entry in journal if entry["step"] > 10 and "seconds_per_step" in entry)
    assert slowest < 1, "a request to a server that does not answer takes ten times as long"
    server.go_on()
    monkeypatch.undo()
    start(stage_that(), "left", resume=True)
    assert_everything_is_there(*run_of(server, "detector left"), journal)


class Stopped(Exception):
    pass


def test_steps_that_are_done_again_are_told_once(start, server):
    def stop(step):
        if step == 20:
            raise Stopped

    with pytest.raises(Stopped):
        start(stage_that(stop), "stopped")  # its last checkpoint is that of step 14
    assert run_of(server, "detector stopped")[1].info.status == "FAILED"
    resumed = stage_that()
    resumed.step = 10
    start(resumed, "stopped", resume=True)
    client, run = run_of(server, "detector stopped")
    curve = client.get_metric_history(run.info.run_id, "train/side")
    assert sorted(point.step for point in curve) == list(range(1, STEPS + 1))
    assert sorted(row[0] for row in read_table(client, run)) == [10, 10, 20, 20, 30, 30]
    assert run.info.status == "FINISHED"


def test_stages_of_one_experiment_have_one_parent(start, server, tmp_path):
    config = replace(CONFIG, watch=None, optimizer=replace(CONFIG.optimizer, steps=4))
    for stage in ("contrastive", "detector"):
        start(MadeUpStage, f"family-{stage}", config=replace(config, stage=stage), experiment="a family")
    folder = RunFolder(tmp_path / "record")
    for value in (0.5, 0.7):  # the second time it goes on, and what was told stays
        with tracked_experiment(server.uri, "a family", {"ablation": "none"}, folder=folder) as record:
            record.metrics(0, {"auroc": value})
    client, parent = run_of(server, "a family")
    assert parent.data.metrics == {"auroc": 0.5} and parent.data.params == {"ablation": "none"}
    children = client.search_runs([parent.info.experiment_id], f"tags.mlflow.parentRunId = '{parent.info.run_id}'")
    assert sorted(run.info.run_name for run in children) == [
        "contrastive family-contrastive", "detector family-detector",
    ]  # fmt: skip
    assert parent.info.status == "FINISHED"


def test_the_model_in_the_registry_answers(server, tiny_model, tiny_model_dir, tmp_path, monkeypatch, caplog):
    import mlflow
    import numpy as np
    import pandas
    import torch
    from mlflow import MlflowClient
    from PIL import Image

    from jobs.training.tracking.registry import log_and_register

    monkeypatch.setenv("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    client = MlflowClient(server.uri)
    experiment = client.create_experiment("models")
    run = client.create_run(experiment, tags={"data_sha256": "5ha"})
    for name, value in {"stage": "generator", "preset": "tiny", "data_sha256": "5ha"}.items():
        client.log_param(run.info.run_id, name, value)
    for _ in range(2):  # as after an answer that got lost
        log_and_register(client, run.info.run_id, str(tiny_model_dir))
    (version,) = client.search_model_versions(f"run_id = '{run.info.run_id}'")
    assert version.tags == {"stage": "generator", "preset": "tiny", "data_sha256": "5ha"}
    assert len(client.search_logged_models([experiment])) == 1
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(server.uri)
    try:
        model = mlflow.pyfunc.load_model("models:/chex-ray@candidate")
        module = mlflow.pytorch.load_model("models:/chex-ray@candidate")
        files = mlflow.artifacts.download_artifacts("models:/chex-ray@candidate", dst_path=str(tmp_path))
    finally:
        mlflow.set_tracking_uri(before)
    image = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (60, 50), dtype=np.uint8)).save(image, "PNG")
    answer, report = model.predict(
        pandas.DataFrame({"image": [image.getvalue()] * 2, "text": ["pleural effusion", None]})
    )
    assert answer["findings"][0]["query"]["text"] == "pleural effusion" and len(answer["findings"]) == 1
    assert isinstance(report["text"], str)
    (example,) = model.predict(model.input_example)
    assert example["findings"][0]["query"]["text"] == "pleural effusion"
    assert type(tiny_model).load(pathlib.Path(files, "data", "chex")).config == tiny_model.config
    assert type(module) is type(tiny_model) and not module.training
    assert all(torch.equal(value, module.state_dict()[name]) for name, value in tiny_model.state_dict().items())
