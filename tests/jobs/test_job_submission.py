"""`ray job submit` as a user types it: the job's log reads well, and its end is the command's."""

from __future__ import annotations

import os
import re
import subprocess

import pytest

from tests.pipelines.small_shards import write_shards
from tests.started_ray import ENVIRONMENT, PROGRAMS, ROOT, ray_folder, started_ray, takes_jobs


@pytest.fixture(scope="module")
def cluster():
    """The address of the dashboard of a Ray cluster that was started as on any machine, beside others it may have."""
    command = ("ray", "start", "--head", "--num-cpus=3", "--dashboard-host=127.0.0.1")
    with ray_folder() as folder, started_ray(command, folder, ENVIRONMENT, takes_jobs) as (_, address):
        yield address


def submit(address: str, *command: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [PROGRAMS / "ray", "job", "submit", "--address", address, "--working-dir", ".", "--",
         "python", "-m", *command],
        cwd=ROOT, env={**os.environ, "RAY_AUTH_MODE": "disabled"}, capture_output=True, text=True, check=False, timeout=240,
    )  # fmt: skip


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    counts = {("words", "train"): 12, ("words", "validate"): 4}
    return write_shards(tmp_path_factory.mktemp("shards"), counts)


def test_a_training_is_a_job_like_any_other(cluster, shards, tmp_path):
    done = submit(
        cluster, "jobs.train", "--stage", "sentences", "--config", "smoke", "--data", shards,
        "--output", str(tmp_path / "model"), "--tracking-uri", "none",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "model" / "model.safetensors").is_file()
    log = done.stdout
    steps = re.findall(r"sentences (\d)/3 \((\d+) %\)  loss [\d.]+ .* samples/s", log)
    assert [int(step) for step, _ in steps] == [1, 2, 3]
    assert f"sentences: 3 steps, model in {tmp_path / 'model'}" in log
    assert "\r" not in log and "Traceback" not in log


def test_a_training_that_fails_is_a_job_that_fails(cluster, tmp_path):
    done = submit(
        cluster, "jobs.train", "--stage", "sentences", "--config", "smoke", "--data", str(tmp_path / "nothing"),
        "--output", str(tmp_path / "model"),
    )  # fmt: skip
    assert done.returncode != 0
    assert "no shard" in done.stdout + done.stderr
    assert not (tmp_path / "model").exists()
