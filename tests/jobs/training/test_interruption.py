"""Runs killed with SIGKILL: gone on with, they learn the very same as without; and nothing of them stays behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import psutil
import pytest
import torch
from safetensors.torch import load_file

from jobs import train
from jobs.training import stages
from jobs.training.journal import read_journal
from pipelines.output_folder import OutputFolder
from tests.jobs.training.held_run import SETTINGS, Gates, HeldStage
from tests.pipelines.small_shards import write_shards
from tests.waiting import wait_for

ROOT = Path(__file__).parents[3]
TIMES = (
    "time", "samples_per_second", "tokens_per_second", "seconds_per_step", "data_wait_seconds", "validate/seconds",
)  # fmt: skip
KILLED_AT_A_RENAME = """
import os, signal, sys
from tests.jobs.training.held_run import main

def killing(move):
    def moved(source, target):
        if str(target).endswith(sys.argv[1]):
            os.kill(os.getpid(), signal.SIGKILL)
        move(source, target)

    return moved

os.replace, os.rename = killing(os.replace), killing(os.rename)
sys.exit(main(*sys.argv[2:]))
"""


@pytest.fixture(scope="module")
def arguments(tmp_path_factory) -> list[str]:
    """What every run of this file is started with."""
    folder = tmp_path_factory.mktemp("data")
    shards = write_shards(folder / "shards", {("words", "train"): 40, ("words", "validate"): 11})
    (folder / "made-up.yaml").write_text(SETTINGS)
    return ["--data", shards, "--config", str(folder / "made-up.yaml")]


@pytest.fixture(scope="module")
def whole(arguments, tmp_path_factory) -> Path:
    """The run that nothing interrupts."""
    output = tmp_path_factory.mktemp("whole") / "model"
    assert run_here(output, *arguments, "--workers", "0") == 0
    return output


def run_here(output: Path, *arguments: str) -> int:
    """The command in this process, with leave to pass everywhere."""
    Gates(output).let_pass(10, 20, 25)
    return run_held(output, *arguments)


def run_held(output: Path, *arguments: str) -> int:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stages, "stage_of", partial(HeldStage, gates=Gates(output)))
        return train.main(["--stage", "detector", "--output", str(output), "--tracking-uri", "none", *arguments])


def started(*command: str, **environment: str) -> subprocess.Popen:
    known = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
    return subprocess.Popen(
        [sys.executable, *command], cwd=ROOT, env=known | environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def journal(output: Path) -> list[dict]:
    return read_journal(OutputFolder(f"{output}.training"))


def curve(output: Path) -> list[dict]:
    """Every figure of the run, without those of time."""
    figures = [entry for entry in journal(output) if "notice" not in entry]
    return [{name: value for name, value in entry.items() if name not in TIMES} for entry in figures]


def checkpoints(output: Path) -> list[str]:
    return sorted(path.name for path in Path(f"{output}.training", "checkpoints").iterdir())


def assert_the_same(output: Path, whole: Path) -> None:
    found, wanted = curve(output), curve(whole)
    assert [entry.keys() for entry in found] == [entry.keys() for entry in wanted]
    for one, other in zip(found, wanted, strict=True):
        assert one == pytest.approx(other, abs=1e-6, rel=0)
    weights, wanted = (load_file(place / "model.safetensors") for place in (output, whole))
    assert weights.keys() == wanted.keys() and all(torch.equal(weights[name], wanted[name]) for name in wanted)
    left = {path.name for path in Path(f"{output}.training").rglob("*") if ".unfinished" in path.name}
    assert not left and checkpoints(output) == checkpoints(whole)


def processes_of(folder: str) -> list[psutil.Process]:
    """Ray's processes and workers whose session lies in the folder."""
    found = []
    for process in psutil.process_iter(["cmdline", "environ", "status"]):
        known = [*(process.info["cmdline"] or ()), (process.info["environ"] or {}).get("RAY_TMPDIR", "")]
        if any(folder in text for text in known) and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(process)
    return found


@pytest.mark.parametrize(
    ("file", "goes_on_after"),
    [("step-000000014.pt", 7), ("best-000000010.pt", 7), ("/model", 25), ("finished.json", 25)],
)
def test_the_driver_that_trains_itself(file, goes_on_after, arguments, whole, tmp_path, caplog):
    """Killed as it completes a checkpoint, the best weights, the model, or the note that all is done."""
    output = tmp_path / "model"
    Gates(output).let_pass(10, 20, 25)
    job = started("-c", KILLED_AT_A_RENAME, file, str(output), *arguments, "--workers", "0")
    assert (job.wait(), job.returncode) == (-signal.SIGKILL, -signal.SIGKILL), job.stderr.read()
    assert file == "/model" or any(path.name.startswith(f".{file}.") for path in output.parent.rglob("*"))
    assert output.exists() == (file == "finished.json")
    before = [entry for entry in journal(output) if entry["step"] <= goes_on_after]
    with caplog.at_level("INFO"):
        assert run_here(output, *arguments, "--workers", "0", "--resume") == 0
    assert f"detector {goes_on_after}/25 ({4 * goes_on_after} %)  goes on from the checkpoint" in caplog.text
    assert journal(output)[: len(before)] == before, "nothing is done twice"
    assert_the_same(output, whole)


def test_a_worker_that_nobody_replaces_and_then_the_driver_of_a_ray_of_its_own(
    arguments, whole, tmp_path, ray_local, caplog
):
    output, gates, folder = tmp_path / "model", Gates(tmp_path / "model"), tempfile.mkdtemp(prefix="ray-", dir="/tmp")
    command = [*arguments, "--workers", "1"]
    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(run_held, output, *command)
        os.kill(gates.held(10, checkpoint=7), signal.SIGKILL)
        assert job.result() == 1
    assert (
        "stage detector could not be trained: worker 0 was lost (killed, out of memory, or its node is gone); "
        "restarts allowed: 0; --resume goes on from the last checkpoint"
    ) in caplog.text

    gates.let_pass(10)
    job = started("-m", "tests.jobs.training.held_run", str(output), *command, "--resume", RAY_TMPDIR=folder)
    gates.held(20, checkpoint=14)
    assert processes_of(folder), "the Ray of this job is found by its folder"
    job.kill()
    job.communicate()
    before = [entry for entry in journal(output) if entry["step"] <= 14]

    assert run_here(output, *command, "--resume") == 0  # what is left of the killed job may pass, too
    assert journal(output)[: len(before)] == before, "nothing is done twice"
    assert_the_same(output, whole)
    wait_for(lambda: not processes_of(folder), "the end of the Ray of the killed job")


def test_one_of_two_workers(arguments, tmp_path, ray_local):
    """Both are replaced, and together they learn what two that nobody disturbed learn."""
    undisturbed, output, gates = tmp_path / "undisturbed", tmp_path / "model", Gates(tmp_path / "model")
    command = [*arguments, "--workers", "2", "--set", "restarts=1"]
    assert run_here(undisturbed, *command) == 0
    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(run_held, output, *command)
        os.kill(gates.held(10, checkpoint=7), signal.SIGKILL)
        gates.let_pass(10, 20, 25)
        assert job.result() == 0
    notices = [entry["notice"] for entry in journal(output) if "notice" in entry]
    assert "goes on from the checkpoint of this step" in notices
    assert_the_same(output, undisturbed)


def test_the_raylet_of_the_node_that_the_worker_is_on(arguments, whole, tmp_path):
    output, folder = tmp_path / "model", tempfile.mkdtemp(prefix="ray-", dir="/tmp")
    command = [*arguments, "--workers", "1", "--set", "restarts=1"]
    job = started("-m", "tests.jobs.training.lost_node", str(output), *command, RAY_TMPDIR=folder)
    told, log = job.communicate()
    assert job.returncode == 0, log
    assert "held on the second node: True\n" in told and "alive nodes: 1\n" in told, "its node was killed"
    assert_the_same(output, whole)
    wait_for(lambda: not processes_of(folder), "the end of the cluster")
