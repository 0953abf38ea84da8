"""What infra/operations.md says of backups, done for real: everything is lost, put back, and compared."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.infra.manifests import ROOT
from tests.jobs.archive import make_pictures
from tests.mlflow_server import MlflowServer, PostgresServer

DOCUMENT = ROOT / "infra" / "operations.md"


def documented(name: str) -> str:
    """The commands between the document's two marks."""
    (text,) = re.findall(f"<!-- {name} -->\n```\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    return "\n".join(line for line in text.splitlines() if not line.startswith("export "))


def run_for(database: PostgresServer, name: str, folder: Path) -> None:
    """The document's commands, with this machine's database."""
    done = subprocess.run(
        ["bash", "-e", "-c", documented(name)], cwd=folder, capture_output=True, text=True, check=False, timeout=120,
        env={**os.environ, "PGHOST": "127.0.0.1", "PGPORT": str(database.port), "PGUSER": "mlflow",
             "PGPASSWORD": database.password, "PGDATABASE": "postgres"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def log_a_training(uri: str, model: Path) -> str:
    """A run with a curve and a picture, and its model in the registry; returns its id."""
    from mlflow import MlflowClient

    from jobs.training.tracking.registry import log_and_register

    client = MlflowClient(uri)
    run = client.create_run(client.create_experiment("kept"), tags={"data_sha256": "5ha"}, run_name="detector kept")
    for name, value in {"stage": "generator", "preset": "tiny", "data_sha256": "5ha"}.items():
        client.log_param(run.info.run_id, name, value)
    for step in range(20):
        client.log_metric(run.info.run_id, "train/loss", 1 / (step + 1), step=step)
    client.log_dict(run.info.run_id, {"boxes": [[0, 0, 1, 1]]}, "pictures/step-000000010.json")
    log_and_register(client, run.info.run_id, str(model))
    client.set_registered_model_alias("chex-ray", "champion", "1")
    client.set_terminated(run.info.run_id)
    return run.info.run_id


def known(uri: str, run_id: str, folder: Path) -> dict:
    """Everything that the server tells of the run, its files and its model."""
    import mlflow
    from mlflow import MlflowClient

    client = MlflowClient(uri)
    run, version = client.get_run(run_id), client.get_model_version_by_alias("chex-ray", "champion")
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(uri)
    try:
        files = Path(mlflow.artifacts.download_artifacts("models:/chex-ray@champion", dst_path=str(folder)))
    finally:
        mlflow.set_tracking_uri(before)
    return {
        "run": (run.info.run_name, run.info.status, run.info.start_time, run.data.params, run.data.tags),
        "curve": [(point.step, point.value, point.timestamp) for point in client.get_metric_history(run_id, "train/loss")],
        "picture": Path(client.download_artifacts(run_id, "pictures/step-000000010.json", str(folder))).read_bytes(),
        "version": (version.version, version.tags, version.run_id, sorted(version.aliases)),
        "model": {str(path.relative_to(files)): path.read_bytes() for path in files.rglob("*") if path.is_file()},
    }  # fmt: skip


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    for name in ("old", "new", "backup", "seen", "seen-again"):
        (tmp_path / name).mkdir()
    return tmp_path


def test_mlflow_comes_back_from_a_dump_and_a_copy_of_its_files(place, tiny_model_dir):
    database = PostgresServer()
    try:
        server = MlflowServer(database.uri, place / "old")
        try:
            run_id = log_a_training(server.uri, tiny_model_dir)
            before = known(server.uri, run_id, place / "seen")
            run_for(database, "backup", place / "backup")
            shutil.copytree(place / "old" / "artifacts", place / "backup" / "artifacts")
        finally:
            server.kill()
    finally:
        database.stop()  # and all that it held is gone
    shutil.rmtree(place / "old")

    database = PostgresServer()
    try:
        run_for(database, "restore", place / "backup")
        shutil.copytree(place / "backup" / "artifacts", place / "new" / "artifacts")
        server = MlflowServer(database.uri, place / "new")
        try:
            assert known(server.uri, run_id, place / "seen-again") == before
            log_more = log_a_second_version(server.uri, tiny_model_dir)
            assert log_more == "2", "the registry goes on counting where it was"
        finally:
            server.kill()
    finally:
        database.stop()
    assert len(before["curve"]) == 20 and any(name.endswith("model.safetensors") for name in before["model"])


def log_a_second_version(uri: str, model: Path) -> str:
    from mlflow import MlflowClient

    from jobs.training.tracking.registry import log_and_register

    client = MlflowClient(uri)
    run = client.create_run(client.get_experiment_by_name("kept").experiment_id)
    log_and_register(client, run.info.run_id, str(model))
    (version,) = client.search_model_versions(f"run_id = '{run.info.run_id}'")
    return version.version


def test_a_result_set_that_was_copied_in_the_middle_is_finished_after_it_was_lost(
    tiny_model_dir, tmp_path, monkeypatch
):
    from jobs.reporting.config import ReportRun
    from jobs.reporting.run import write_reports
    from tests.jobs.reporting.in_process import without_ray
    from tests.jobs.reporting.test_exactly_once import files

    without_ray(monkeypatch)
    archive = make_pictures(tmp_path / "archive", 9)
    (tmp_path / "prompts.json").write_text('{"name": "one", "queries": ["pleural effusion"]}')

    def report(output: Path, **options: object) -> dict:
        run = ReportRun(
            str(tiny_model_dir), str(archive), str(output), prompts=str(tmp_path / "prompts.json"), rows_per_part=3,
            **options,
        )  # fmt: skip
        return write_reports(run, show_progress=False)

    report(tmp_path / "whole")
    rename, backup, lost = os.replace, tmp_path / "backup", tmp_path / "lost"

    def copied_after_the_second_part(source, target):
        rename(source, target)
        if len(list(lost.glob("parquet/*.parquet"))) == 2 and not backup.exists():
            shutil.copytree(lost, backup)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", copied_after_the_second_part)
        report(lost)
    shutil.rmtree(lost)
    shutil.copytree(backup, lost)
    summary = report(lost, resume=True)
    assert (summary["images"], summary["this_run"]["already_done"]) == (9, 6)
    assert files(lost) == files(tmp_path / "whole")
