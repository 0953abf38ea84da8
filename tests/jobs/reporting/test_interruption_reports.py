"""Report runs whose processes are killed with SIGKILL: in the end every file is as without, and none was made twice.

What ends at which write is `test_exactly_once`; here Ray's processes are real, and so are the kills.
"""

from __future__ import annotations

import json
import tempfile
import threading

import psutil
import pytest

from jobs.reporting.config import ReportRun
from jobs.reporting.run import write_reports
from tests.jobs.archive import make_pictures
from tests.jobs.reporting.test_exactly_once import files
from tests.killed_jobs import processes_of, started
from tests.s3_server import BUCKET, s3_in_use
from tests.talkative import save_talkative
from tests.waiting import wait_for

IMAGES, PER_PART = 60, 2


@pytest.fixture(scope="module")
def place(tiny_model, tmp_path_factory):
    root = tmp_path_factory.mktemp("place")
    save_talkative(tiny_model, root / "model")
    (root / "prompts.json").write_text('{"name": "two", "queries": ["pleural effusion", "nodule"]}')
    make_pictures(root / "in", IMAGES)
    return root


def report(place, output, *, source=None, resume=False):
    asked = ReportRun(
        model=str(place / "model"),
        prompts=str(place / "prompts.json"),
        input=str(source or place / "in"),
        output=str(output),
        rows_per_part=PER_PART,
        report_anyway=True,  # noise may look like a negative
        resume=resume,
    )
    return write_reports(asked, show_progress=False)


def command(place, output, *, source=None) -> list[str]:
    values = {"model": place / "model", "prompts": place / "prompts.json", "input": source or place / "in"}
    options = [word for name, value in values.items() for word in (f"--{name}", str(value))]
    return [
        "-m",
        "jobs.generate_reports",
        *options,
        "--output",
        str(output),
        "--rows-per-part",
        str(PER_PART),
        "--report-anyway",
    ]


@pytest.fixture(scope="module")
def whole(place, ray_local, tmp_path_factory):
    output = tmp_path_factory.mktemp("whole")
    assert report(place, output)["reported"] == IMAGES
    return output


def parts(output) -> dict[str, int]:
    """The finished parts and when they were written."""
    return {path.name: path.stat().st_mtime_ns for path in output.glob("parquet/part-*.parquet")}


def test_the_driver_and_its_ray_ends_with_it(place, whole, ray_local, tmp_path):
    output, folder = tmp_path / "out", tempfile.mkdtemp(prefix="ray-", dir="/tmp")
    job = started(command(place, output), RAY_TMPDIR=folder)
    wait_for(lambda: len(parts(output)) >= 3, "three parts")
    job.kill()
    job.communicate()
    wait_for(lambda: not processes_of(folder), "the end of the Ray of the killed job", 60)
    finished = parts(output)
    assert 3 <= len(finished) < IMAGES / PER_PART
    summary = report(place, output, resume=True)
    assert summary["this_run"]["already_done"] == PER_PART * len(finished)
    assert {name: parts(output)[name] for name in finished} == finished, "finished parts are not done again"
    assert files(output) == files(whole)


@pytest.mark.parametrize("killed", ["Detector", "Generator", "_read"])
def test_the_process_of_an_actor_or_of_a_task(killed, place, whole, ray_local, tmp_path):
    output, ended = tmp_path / "out", []
    least = 0 if killed == "_read" else 3  # so few and small images have been read before three parts are written

    def kill_one() -> None:
        wait_for(lambda: len(parts(output)) >= least, f"{least} parts")
        wait_for(lambda: kill_a_process(killed), f"a process of {killed}")
        ended.append(len(parts(output)))

    killer = threading.Thread(target=kill_one)
    killer.start()
    assert report(place, output)["reported"] == IMAGES
    killer.join()
    assert ended and ended[0] < IMAGES / PER_PART
    assert files(output) == files(whole)


def kill_a_process(name: str) -> bool:
    """Kills a process of this Ray that has the step, busy or waiting; False if there is none."""
    for child in psutil.Process().children(recursive=True):
        try:
            if "ray::" in (title := " ".join(child.cmdline())) and name in title:
                child.kill()
                return True
        except psutil.Error:
            continue  # it has just ended
    return False


def test_the_raylet_of_a_second_node(place, whole, tmp_path):
    output, folder = tmp_path / "out", tempfile.mkdtemp(prefix="ray-", dir="/tmp")
    arguments = [word for word in command(place, output)[2:] if word not in ("--output", str(output))]
    job = started(["-m", "tests.jobs.reporting.lost_node", str(output), *arguments], RAY_TMPDIR=folder)
    told, log = job.communicate()
    assert job.returncode == 0 and "alive nodes: 1\n" in told, log
    assert files(output) == files(whole)


def test_the_driver_whose_results_lie_in_a_store(place, whole, ray_local, tmp_path):
    with s3_in_use() as server:
        output, folder = f"s3://{BUCKET}/out", tempfile.mkdtemp(prefix="ray-", dir="/tmp")
        job = started(command(place, output), RAY_TMPDIR=folder)
        there = f"{BUCKET}/out/parquet"
        wait_for(lambda: server.filesystem.exists(there) and len(server.filesystem.ls(there)) >= 3, "three parts")
        job.kill()
        job.communicate()
        wait_for(lambda: not processes_of(folder), "the end of the Ray of the killed job", 60)
        # as a person does it: the Ray of these tests began before there was a store, and has no key to it
        again = started([*command(place, output), "--resume"], RAY_TMPDIR=tempfile.mkdtemp(prefix="ray-", dir="/tmp"))
        _, log = again.communicate()
        assert again.returncode == 0, log
        summary = json.loads(server.filesystem.cat(f"{BUCKET}/out/summary.json"))
        assert summary["reported"] == IMAGES and summary["this_run"]["already_done"] >= 3 * PER_PART
        server.filesystem.get(f"{BUCKET}/out/", str(tmp_path / "got"), recursive=True)
    assert files(tmp_path / "got") == files(whole)
