"""Conversions killed with SIGKILL: gone on with, they hold the same bytes as without; and nothing of them stays behind."""

from __future__ import annotations

import json
import os
import signal
import tempfile
import threading
from pathlib import Path

import numpy as np
import psutil
import pytest

from chex.pixels import UnusableImage
from jobs.convert import convert
from pipelines.adapters import UnusableInput
from pipelines.conversion import shard_results
from pipelines.conversion.isolation import isolated
from tests.killed_jobs import processes_of, started
from tests.made_dicom import made_dicom
from tests.pipelines.small_vindr import NAMES, conversion, fingerprints
from tests.waiting import wait_for

IMAGES = 60
KILLED_AT_A_RENAME = """
import os, signal, sys
from jobs.convert import main

rename, left = os.replace, int(sys.argv[1])

def counted(source, target):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    rename(source, target)

os.replace = counted
sys.exit(main(sys.argv[2:]))
"""


@pytest.fixture(scope="module")
def many(ray_local, tmp_path_factory):
    """Enough shards, of one image each, to be killed among them; the raw folder and the uninterrupted conversion."""
    root = tmp_path_factory.mktemp("many")
    for folder in ("annotations", "train"):
        (root / folder).mkdir()
    ids = [f"i{number:02}" for number in range(IMAGES)]
    ramp = np.arange(4800, dtype=np.uint16).reshape(60, 80) % 4096
    for number, image in enumerate(ids):
        (root / "train" / f"{image}.dicom").write_bytes(made_dicom(np.roll(ramp, number * 80)))
    labels = [f"{image},R1,{','.join('0' for _ in NAMES)}" for image in ids]
    header = ",".join(("image_id", "rad_id", *NAMES))
    (root / "annotations" / "image_labels_train.csv").write_text("\n".join([header, *labels]) + "\n")
    (root / "annotations" / "annotations_train.csv").write_text("image_id,rad_id,class_name,x_min,y_min,x_max,y_max\n")
    whole = tmp_path_factory.mktemp("whole") / "shards"
    convert(conversion(root, whole, rows_per_shard=1), progress=False)
    return root, whole


def arguments(root: Path, output: Path, rows: int) -> list[str]:
    where = ["--source", f"vindr-cxr={root}", "--output", str(output)]
    return [*where, "--image-size", "30", "--rows-per-shard", str(rows)]


def shards(output: Path) -> dict[str, int]:
    """The finished shards and when they were written."""
    found = output.glob("dataset=*/split=*/part-*.parquet")
    return {str(path.relative_to(output)): path.stat().st_mtime_ns for path in found}


def assert_goes_on(root: Path, output: Path, whole: Path, rows: int) -> None:
    """Resumed, what was finished is not redone, and every file is that of the uninterrupted conversion."""
    before = shards(output)
    convert(conversion(root, output, rows_per_shard=rows, resume=True), progress=False)
    after = shards(output)
    assert {name: after[name] for name in before} == before
    assert fingerprints(output) == fingerprints(whole)


@pytest.mark.parametrize(("rename", "left_behind"), [(1, "._plan.arrow."), (2, ".manifest.json.")])
def test_the_driver_while_it_plans(rename, left_behind, converted, vindr, tmp_path):
    output = tmp_path / "shards"
    job = started(["-c", KILLED_AT_A_RENAME, str(rename), *arguments(vindr, output, 4)])
    assert (job.communicate()[1], job.returncode) == ("", -signal.SIGKILL)
    assert any(path.name.startswith(left_behind) for path in output.iterdir()), "killed in the middle of writing it"
    assert_goes_on(vindr, output, converted[0], 4)


def test_the_driver_before_it_writes_the_manifest(converted, vindr, ray_local, tmp_path):
    output = tmp_path / "shards"
    address = ray_local.get_runtime_context().gcs_address
    job = started(["-c", KILLED_AT_A_RENAME, "3", *arguments(vindr, output, 4)], RAY_ADDRESS=address)
    job.communicate()
    assert job.returncode == -signal.SIGKILL
    assert not json.loads((output / "manifest.json").read_text())["complete"] and len(shards(output)) == 5
    assert_goes_on(vindr, output, converted[0], 4)


def test_the_driver_among_the_shards_and_its_ray_ends_with_it(many, tmp_path):
    root, whole = many
    output, folder = tmp_path / "shards", tempfile.mkdtemp(prefix="ray-", dir="/tmp")
    job = started(["-m", "jobs.convert", *arguments(root, output, 1)], RAY_TMPDIR=folder)
    wait_for(lambda: len(shards(output)) >= 3, "three shards")
    assert processes_of(folder), "the Ray of this job is found by its folder"
    job.kill()
    job.communicate()
    wait_for(lambda: not processes_of(folder), "the end of the Ray of the killed job", 60)
    assert 3 <= len(shards(output)) < IMAGES
    assert_goes_on(root, output, whole, 1)


def kill_a_busy_worker() -> bool:
    """Kills a process of this Ray that converts just now; False if there is none."""
    for child in psutil.Process().children(recursive=True):
        try:
            if "_convert_batch" in " ".join(child.cmdline()):
                child.kill()
                return True
        except psutil.Error:
            continue  # it has just ended
    return False


def test_a_worker_is_replaced(many, ray_local, tmp_path):
    (root, whole), output, finished = many, tmp_path / "shards", []

    def kill_one() -> None:
        wait_for(lambda: len(shards(output)) >= 3, "three shards")
        wait_for(kill_a_busy_worker, "a worker at work")
        finished.append(len(shards(output)))

    killer = threading.Thread(target=kill_one)
    killer.start()
    convert(conversion(root, output, rows_per_shard=1), progress=False)
    killer.join()
    assert finished and finished[0] < IMAGES
    assert fingerprints(output) == fingerprints(whole)


def test_the_raylet_of_a_second_node(many, tmp_path):
    root, whole = many
    output, folder = tmp_path / "shards", tempfile.mkdtemp(prefix="ray-", dir="/tmp")
    job = started(["-m", "tests.pipelines.conversion.lost_node", str(root), str(output)], RAY_TMPDIR=folder)
    told, log = job.communicate()
    assert job.returncode == 0 and "alive nodes: 1\n" in told, log
    assert fingerprints(output) == fingerprints(whole)


convert_batch = shard_results._convert_batch


def kill_the_worker(batch, task):
    if batch["item"][0] == 1 and not task.isolate:
        Path(task.output, ".part-00001.parquet.abc.unfinished").write_bytes(b"half")
        os.kill(os.getpid(), signal.SIGKILL)
    return convert_batch(batch, task)


def test_a_shard_that_kills_every_worker_is_made_image_by_image(converted, vindr, tmp_path, monkeypatch, caplog):
    output = tmp_path / "shards"
    monkeypatch.setattr(shard_results, "_convert_batch", kill_the_worker)
    monkeypatch.setattr(shard_results, "_TRIES_AFTER_A_CRASH", 1)  # the second one takes as long
    assert convert(conversion(vindr, output), progress=False) == converted[1]
    assert "an image may have killed the process that decoded it" in caplog.text
    assert fingerprints(output) == fingerprints(converted[0])


def kill_the_decoder(content: bytes, uri: str) -> bytes:
    if not content:
        os.kill(os.getpid(), signal.SIGSEGV)
    if content == b"no image":
        raise UnusableImage("decode", uri)
    return content


def test_an_image_that_kills_its_decoder_goes_to_quarantine_alone():
    decode = isolated(kill_the_decoder)
    assert decode(b"image", "a") == b"image"
    with pytest.raises(UnusableInput, match="decode: the process that decoded it died"):
        decode(b"", "b")
    with pytest.raises(UnusableImage, match="decode: c"):
        decode(b"no image", "c")
    assert decode(b"image", "d") == b"image"
