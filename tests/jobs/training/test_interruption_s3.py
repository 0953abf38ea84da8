"""Runs from one S3 folder into another, against a server process: killed and gone on with, over a line that breaks."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import s3fs
import torch
from safetensors.torch import load_file

from jobs import evaluate, train
from jobs.reporting.actors import Detector, ModelUse
from jobs.reporting.config import ReportRun
from jobs.training import stages
from jobs.training.journal import read_journal
from jobs.training.start import read_model
from pipelines import stores
from pipelines.model_folder import model_folder_on_disk
from pipelines.output_folder import OutputFolder
from tests.jobs.training.made_up_stage import KilledOnceStage, MadeUpStage
from tests.jobs.training.test_interruption import TIMES
from tests.pipelines.small_shards import write_shards
from tests.s3_server import BUCKET, FaultyLine, s3_in_use

ROOT = Path(__file__).parents[3]
STORE = f"s3://{BUCKET}"
SMALL = [
    "--config",
    "smoke",
    "--set",
    "data.image_size=32",
    "--set",
    "checkpoint_every=7",
    "--set",
    "validate_every=10",
]
SMALL += ["--set", "optimizer.steps=25", "--stage", "detector", "--tracking-uri", "none"]
SENTENCES = ["--stage", "sentences", "--config", "smoke", "--set", "optimizer.steps=4", "--set", "watch=loss"]
SENTENCES += ["--workers", "0", "--tracking-uri", "none"]
KILLED_AS_IT_STORES = """
import os, signal, sys
from jobs.train import main
from pipelines.output_folder import OutputFolder

store = OutputFolder.store

def killed(folder, source, name):
    if name == sys.argv[1]:
        os.kill(os.getpid(), signal.SIGKILL)
    store(folder, source, name)

OutputFolder.store = killed
sys.exit(main(sys.argv[2:]))
"""
KILLED_ONCE = """
import sys
from functools import partial
from pathlib import Path
from jobs import train
from jobs.training import stages
from tests.jobs.training.made_up_stage import KilledOnceStage

stages.stage_of = partial(KilledOnceStage, marker=Path(sys.argv[1]))
sys.exit(train.main(sys.argv[2:]))
"""


@pytest.fixture(scope="module")
def shards(tmp_path_factory) -> str:
    counts = {("words", split): count for split, count in (("train", 24), ("validate", 5), ("test", 4))}
    return write_shards(tmp_path_factory.mktemp("data") / "shards", counts, size=128)


@pytest.fixture(scope="module")
def server(ray_local, shards, tiny_model_dir):
    """A store that holds the shards and a model; Ray was started without knowing it."""
    with s3_in_use() as running:
        running.filesystem.put(shards, f"{BUCKET}/shards", recursive=True)
        running.filesystem.put(str(tiny_model_dir), f"{BUCKET}/first", recursive=True)
        yield running


@pytest.fixture(scope="module")
def whole(shards, tmp_path_factory) -> str:
    """The made-up stage's run on a disk, which nothing interrupts."""
    output = str(tmp_path_factory.mktemp("whole") / "model")
    assert run_made_up("--data", shards, "--output", output, "--workers", "0") == 0
    return output


def run_made_up(*arguments: str) -> int:
    class Stage(MadeUpStage):
        trained = KilledOnceStage.trained

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stages, "stage_of", Stage)
        return train.main([*SMALL, *arguments])


def killed(script: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-c", script, *arguments], cwd=ROOT, env=os.environ | environment, text=True,
        capture_output=True, check=False,
    )  # fmt: skip


def curve(output: str) -> list[dict]:
    entries = read_journal(OutputFolder(f"{output}.training"))
    return [{n: value for n, value in entry.items() if n not in TIMES} for entry in entries if "notice" not in entry]


def weights(place: str) -> dict[str, torch.Tensor]:
    with model_folder_on_disk(place) as folder:
        return load_file(folder / "model.safetensors")


def assert_the_same(output: str, whole: str) -> None:
    found, wanted = curve(output), curve(whole)
    assert [entry.keys() for entry in found] == [entry.keys() for entry in wanted]
    for one, other in zip(found, wanted, strict=True):
        assert one == pytest.approx(other, abs=1e-6, rel=0)
    found, wanted = weights(output), weights(whole)
    assert found.keys() == wanted.keys() and all(torch.equal(found[name], wanted[name]) for name in wanted)
    assert OutputFolder(f"{output}.training").files() == OutputFolder(f"{whole}.training").files()


def test_a_stage_of_the_model_from_a_store_into_it(server, shards, tiny_model_dir, tmp_path):
    whole, output = str(tmp_path / "whole"), f"{STORE}/sentences"
    assert train.main([*SENTENCES, "--data", shards, "--init", str(tiny_model_dir), "--output", whole]) == 0
    there = [*SENTENCES, "--data", f"{STORE}/shards", "--init", f"{STORE}/first", "--output", output]
    job = killed(KILLED_AS_IT_STORES, "step-000000004.pt", *there)
    assert job.returncode == -signal.SIGKILL, job.stderr
    assert not server.filesystem.exists(f"{BUCKET}/sentences")
    assert train.main([*there, "--resume"]) == 0
    assert_the_same(output, whole)
    assert train.main([*there, "--resume"]) == 0, "nothing is left to do"

    trained = read_model(output, train.configuration("tiny", "sentences", file="smoke"))
    assert [stage["stage"] for stage in trained.provenance["training"]] == ["sentences"]


def test_a_model_in_a_store_is_evaluated_and_reports(server, tmp_path, capsys):
    model, data = f"{STORE}/first", f"{STORE}/shards"
    options = ["--data", data, "--output", str(tmp_path / "figures"), "--tasks", "anatomy-localization"]
    assert evaluate.main(["--model", model, *options]) == 0
    assert "anatomy" in capsys.readouterr().out
    assert evaluate.main(["--model", f"{STORE}/nothing", *options]) == 2
    assert f"{STORE}/nothing is no model folder" in capsys.readouterr().err

    assert ReportRun(model=model, input="x", output="y").model == model
    assert Detector(ModelUse(model, "cpu", (), 1)).__class__ is Detector
    with pytest.raises(ValueError, match=f"{STORE}/nothing is no model folder"):
        ReportRun(model=f"{STORE}/nothing", input="x", output="y")


def test_a_worker_of_ray_train_is_killed(server, whole, ray_local, tmp_path):
    output, address = f"{STORE}/on-ray", ray_local.get_runtime_context().gcs_address
    arguments = [*SMALL, "--data", f"{STORE}/shards", "--output", output, "--workers", "1", "--set", "restarts=1"]
    job = killed(KILLED_ONCE, str(tmp_path / "killed"), *arguments, RAY_ADDRESS=address)
    assert job.returncode == 0, job.stderr
    assert (tmp_path / "killed").exists()
    assert_the_same(output, whole)


def through(line: FaultyLine) -> pytest.MonkeyPatch:
    """From now on this process reaches the store over the line, and is not patient."""
    patch = pytest.MonkeyPatch()
    patch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{line.port}")
    patch.setenv("AWS_MAX_ATTEMPTS", "1")
    patch.setattr(stores, "WAITS", (0.1, 0.2, 0.4))
    s3fs.S3FileSystem.clear_instance_cache()
    return patch


def test_a_line_that_breaks_changes_nothing(server, shards, whole):
    line = FaultyLine(server.port, cuts=3, after=3_000)
    patch = through(line)
    try:
        assert run_made_up("--data", shards, "--output", f"{STORE}/broken-line", "--workers", "0") == 0
    finally:
        patch.undo()
        line.stop()
        s3fs.S3FileSystem.clear_instance_cache()
    assert_the_same(f"{STORE}/broken-line", whole)
    assert min(line.cut.values()) > 0, "cut while reading, and while writing"


def test_a_store_that_stays_away_ends_the_run_and_resume_goes_on(server, shards, whole, caplog):
    arguments = ["--data", shards, "--output", f"{STORE}/outage", "--workers", "0"]
    line = FaultyLine(server.port, last=b"step-000000014.pt")
    patch = through(line)
    try:
        assert run_made_up(*arguments) == 1
    finally:
        patch.undo()
        s3fs.S3FileSystem.clear_instance_cache()
    assert f"{STORE}: EndpointConnectionError" in caplog.text
    assert caplog.records[-1].message.endswith("; --resume goes on from the last checkpoint")
    assert run_made_up(*arguments, "--resume") == 0
    assert_the_same(f"{STORE}/outage", whole)
