"""`ray job submit` as a user types it: the job's log reads well, and its end is the command's."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from tests.pipelines.small_shards import write_shards

ROOT = Path(__file__).resolve().parents[2]
RAY = str(Path(sys.executable).with_name("ray"))


def free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


@pytest.fixture(scope="module")
def cluster():
    """The address of the dashboard of a Ray cluster that was started as on any machine, beside others it may have."""
    port, dashboard, agent = free_ports(3)
    environment = {**os.environ, "RAY_AUTH_MODE": "disabled", "RAY_USAGE_STATS_ENABLED": "0"}
    environment["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"  # as in an activated environment
    environment.pop("RAY_ADDRESS", None)
    with tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        process = subprocess.Popen(
            [RAY, "start", "--head", "--block", "--num-cpus=3", f"--port={port}", f"--temp-dir={folder}",
             "--dashboard-host=127.0.0.1", f"--dashboard-port={dashboard}", f"--dashboard-agent-listen-port={agent}",
             f"--object-store-memory={200 * 2**20}"],
            env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            yield accepting(f"http://127.0.0.1:{dashboard}")
        finally:
            # asked to end, Ray would wait half a minute for its jobs
            for member in (*psutil.Process(process.pid).children(recursive=True), process):
                member.kill()
            process.wait(timeout=60)


def accepting(address: str, patience: float = 90.0) -> str:
    """The address once jobs are taken there, which is some seconds after it answers."""
    from ray.job_submission import JobSubmissionClient

    deadline = time.monotonic() + patience
    while True:
        try:
            JobSubmissionClient(address).submit_job(entrypoint="true")
            return address
        except (RuntimeError, ConnectionError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


def submit(address: str, *command: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [RAY, "job", "submit", "--address", address, "--working-dir", ".", "--",
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
