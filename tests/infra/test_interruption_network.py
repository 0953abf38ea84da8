"""Jobs over a line that loses packets and then is cut: they take longer, and their results are the very same."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
import yaml

from jobs.convert import convert
from tests.infra.two_hosts import two_hosts
from tests.jobs.training.held_run import SETTINGS, Gates
from tests.jobs.training.test_interruption import assert_the_same, journal, run_here
from tests.made_dicom import made_dicom
from tests.pipelines.small_shards import write_shards
from tests.pipelines.small_vindr import NAMES, conversion, fingerprints
from tests.waiting import wait_for

LOSS, LOSSY, CUT = 30, 30, 20  # percent, seconds, seconds
LONG_CUT = 90  # Ray's own patience ends after a minute
IMAGES = 150
CLUSTER = Path(__file__).parents[2] / "infra" / "cluster-on-premises.yaml"


def patient() -> dict[str, str]:
    """What the file of a hospital's own machines sets for a bad network."""
    options = yaml.safe_load(CLUSTER.read_text(encoding="utf-8"))["docker"]["run_options"]
    settings = (option.removeprefix("--env ").split("=") for option in options if option.startswith("--env RAY_"))
    return {name: value for name, value in settings if name != "RAY_AUTH_MODE"}


def spoilt(hosts, job, done, cut=CUT, *, in_the_cut=lambda: None):
    """Loss, then a cut, while the job runs; its end is awaited. Prints when, and how much was `done` by then."""
    began = time.monotonic()

    def note(what: str) -> None:
        print(f"{time.monotonic() - began:6.1f} s  {done():3}  {what}", flush=True)

    note(f"{LOSS} % of the packets are lost")
    hosts.lose(LOSS)
    time.sleep(LOSSY)
    assert job.poll() is None, "the job goes on while packets are lost"
    note("the line is cut")
    hosts.cut()
    in_the_cut()
    time.sleep(cut)
    assert job.poll() is None, "the job waits while the line is cut"
    note("the line is mended")
    hosts.mend()
    while job.poll() is None:
        time.sleep(5)
        note("")


@pytest.fixture(scope="module")
def radiographs(tmp_path_factory):
    """Large images, so that converting them takes longer than the line is bad."""
    root = tmp_path_factory.mktemp("radiographs")
    for folder in ("annotations", "train"):
        (root / folder).mkdir()
    ids = [f"i{number:03}" for number in range(IMAGES)]
    ramp = np.arange(2000 * 2400, dtype=np.uint32).reshape(2400, 2000) // 1200 % 4096
    for number, image in enumerate(ids):
        (root / "train" / f"{image}.dicom").write_bytes(
            made_dicom(np.roll(ramp, number * 16, axis=1).astype(np.uint16))
        )
    labels = [f"{image},R1,{','.join('0' for _ in NAMES)}" for image in ids]
    header = ",".join(("image_id", "rad_id", *NAMES))
    (root / "annotations" / "image_labels_train.csv").write_text("\n".join([header, *labels]) + "\n")
    (root / "annotations" / "annotations_train.csv").write_text("image_id,rad_id,class_name,x_min,y_min,x_max,y_max\n")
    return root


def test_a_conversion(radiographs, ray_local, tmp_path):
    output, undisturbed, log = tmp_path / "shards", tmp_path / "undisturbed", tmp_path / "log"
    convert(conversion(radiographs, undisturbed, rows_per_shard=1), progress=False)
    with two_hosts(1) as hosts:
        job = hosts.start(
            "-m", "jobs.convert", "--source", f"vindr-cxr={radiographs}", "--output", str(output),
            "--image-size", "30", "--rows-per-shard", "1", log=log,
        )  # fmt: skip
        for host in (hosts.first, hosts.second):
            wait_for(lambda host=host: host.processes("_convert_batch"), "work on both hosts")
        spoilt(hosts, job, lambda: len(list(output.glob("dataset=*/split=*/part-*.parquet"))))
    assert job.returncode == 0, log.read_text()
    assert fingerprints(output) == fingerprints(undisturbed)


@pytest.mark.parametrize("cut", [CUT, LONG_CUT])
def test_a_training(cut, ray_local, tmp_path):
    """A worker on each host; none of them may be lost, as no restarts are allowed."""
    settings = patient() if cut == LONG_CUT else {}
    shards = write_shards(tmp_path / "shards", {("words", "train"): 40, ("words", "validate"): 11})
    (tmp_path / "made-up.yaml").write_text(SETTINGS)
    arguments = ["--data", shards, "--config", str(tmp_path / "made-up.yaml"), "--workers", "2"]
    output, undisturbed, log = tmp_path / "model", tmp_path / "undisturbed", tmp_path / "log"
    assert run_here(undisturbed, *arguments) == 0
    gates = Gates(output)
    with two_hosts(3, **settings) as hosts:
        job = hosts.start("-m", "tests.infra.spread_training", str(output), *arguments, log=log, **settings)
        wait_for(lambda: job.poll() is not None or (gates.folder / "held-10").exists(), "step 10")
        assert job.poll() is None, log.read_text()
        for host in (hosts.first, hosts.second):
            assert host.processes("RayTrainWorker"), "one worker on each host"
        gates.let_pass(10)
        spoilt(hosts, job, lambda: journal(output)[-1]["step"], cut, in_the_cut=lambda: gates.let_pass(20, 25))
    assert job.returncode == 0, log.read_text()
    assert_the_same(output, undisturbed)
