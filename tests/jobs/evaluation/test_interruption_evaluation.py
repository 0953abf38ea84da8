"""An evaluation that loses a node or its driver predicts the very same as without."""

from __future__ import annotations

import json
import tempfile

import pytest
from pyarrow import parquet

from jobs.evaluate import main
from jobs.evaluation import parts
from tests.jobs.evaluation.lost_node import ROWS_OF_A_PART
from tests.killed_jobs import processes_of, started
from tests.pipelines.small_shards import write_shards
from tests.waiting import wait_for

IMAGES = 120


@pytest.fixture(scope="module")
def arguments(tiny_model_dir, tmp_path_factory) -> list[str]:
    counts = {("made-up", "train"): 12, ("made-up", "test"): IMAGES}
    shards = write_shards(tmp_path_factory.mktemp("shards"), counts)
    tasks = "anatomy-localization,image-classification"
    return ["--model", str(tiny_model_dir), "--data", shards, "--tasks", tasks, "--batch-size", "4",
            "--actors", "1", "--no-plots", "--tracking-uri", "none"]  # fmt: skip


@pytest.fixture(scope="module")
def whole(arguments, ray_local, tmp_path_factory):
    output = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parts, "_ROWS", ROWS_OF_A_PART)
        assert main(["--output", str(output), *arguments]) == 0
    return output


def assert_the_same(output, whole) -> None:
    files = {path.relative_to(output) for path in output.glob("predictions/**/*.parquet")}
    assert files == {path.relative_to(whole) for path in whole.glob("predictions/**/*.parquet")} and len(files) == 2
    for file in files:
        rows = parquet.read_table(output / file).to_pylist()
        assert rows == parquet.read_table(whole / file).to_pylist() and len(rows) == IMAGES
    figures, wanted = (json.loads((place / "figures.json").read_text())["figures"] for place in (output, whole))
    assert figures == wanted


def test_the_raylet_of_a_second_node(arguments, whole, tmp_path):
    output, folder = tmp_path / "out", tempfile.mkdtemp(prefix="ray-", dir="/tmp")
    job = started(["-m", "tests.jobs.evaluation.lost_node", str(output), *arguments], RAY_TMPDIR=folder)
    told, log = job.communicate()
    assert job.returncode == 0 and "alive nodes: 1\n" in told, log
    assert_the_same(output, whole)


def test_the_driver_and_its_ray_ends_with_it(arguments, whole, ray_local, tmp_path, monkeypatch):
    monkeypatch.setattr(parts, "_ROWS", ROWS_OF_A_PART)
    output, folder = tmp_path / "out", tempfile.mkdtemp(prefix="ray-", dir="/tmp")
    small = f"from jobs.evaluation import parts; parts._ROWS = {ROWS_OF_A_PART}\n"
    command = "import sys; from jobs.evaluate import main; sys.exit(main(sys.argv[1:]))"
    job = started(["-c", small + command, "--output", str(output), *arguments], RAY_TMPDIR=folder)
    wait_for(lambda: len(written(output)) >= 2, "two parts")
    job.kill()
    job.communicate()
    wait_for(lambda: not processes_of(folder), "the end of the Ray of the killed job", 60)
    assert 2 <= len(written(output)) < IMAGES / ROWS_OF_A_PART
    assert main(["--output", str(output), *arguments, "--resume"]) == 0
    assert_the_same(output, whole)


def written(output) -> list:
    return list(output.glob("predictions/parts/*/*.parquet"))
