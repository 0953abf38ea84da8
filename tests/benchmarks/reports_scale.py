"""Whether a report run holds with many images: memory of its driver and workers, object store, and what the parts cost.

python -m tests.benchmarks.reports_scale [--few 10000] [--many 100000] [--seconds-per-image 0.0005]

The images are synthetic and small; instead of the model stand actors of a fixed cost per image, which find two boxes
and write two sentences. Everything else is the job as it is.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from pathlib import Path

import psutil
import pyarrow as pa

from jobs.reporting.part import DETECTED_SCHEMA, WRITTEN_SCHEMA, carried, readable, row, unpacked_images
from tests.benchmarks.report_archive import phantoms, write_archive, write_pictures

GOAL = 1.25  # the most that a peak may grow from few to many images
MIB = 2**20
SECONDS = "CHEX_RAY_BENCHMARK_SECONDS_PER_IMAGE"
FINDINGS = [
    {
        "query": {"name": name, "text": name, "box": None},
        "sentence": sentence,
        "boxes": [{"box": [0.1, 0.2, 0.4, 0.6], "score": 0.5}],
        "probabilities": [{"name": name, "value": 0.5}],
        "parents": [],
    }
    for name, sentence in (("pleural effusion", "Small left pleural effusion."), ("edema", "No pulmonary edema."))
]


class StandInDetector:
    def __init__(self, use):
        self._seconds = float(os.environ.get(SECONDS, "0"))

    def __call__(self, batch: pa.Table) -> pa.Table:
        count = len(readable(unpacked_images(batch)))
        time.sleep(self._seconds * count)
        return row(DETECTED_SCHEMA, **carried(batch), answers="[]", tokens=bytes(2048 * count))


class StandInGenerator:
    def __init__(self, use):
        self._seconds = float(os.environ.get(SECONDS, "0"))

    def __call__(self, batch: pa.Table) -> pa.Table:
        count = len(readable(unpacked_images(batch)))
        time.sleep(self._seconds * count)
        written = [{"text": " ".join(item["sentence"] for item in FINDINGS), "findings": FINDINGS}] * count
        return row(WRITTEN_SCHEMA, **carried(batch), findings=json.dumps(written))


def report(archive: str, output: str) -> None:
    """The job with the stand-ins, and what the object store held at most, as JSON; in a process of its own."""
    import ray

    from chex.embedded import PHANTOM
    from jobs.cluster import ray_cluster
    from jobs.reporting import graph
    from jobs.reporting.config import ReportRun
    from jobs.reporting.run import write_reports

    graph.Detector, graph.Generator = StandInDetector, StandInGenerator
    most, ended = 0, threading.Event()

    def watch() -> None:
        nonlocal most
        whole = ray.cluster_resources()["object_store_memory"]
        while not ended.wait(1):
            most = max(most, whole - ray.available_resources().get("object_store_memory", 0))

    with ray_cluster(object_store_bytes=400 * MIB):
        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            summary = write_reports(ReportRun(PHANTOM, archive, output, device="cpu"), show_progress=False)
        finally:
            ended.set()
            watcher.join()
    print(json.dumps({"images": summary["reported"], "store": most, "seconds": summary["this_run"]["seconds"]}))


def measure(images: int, paths: list[Path], seconds_per_image: float) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        archive = write_archive(Path(folder, "in"), paths, images)
        command = [sys.executable, "-m", "tests.benchmarks.reports_scale", "--report", str(archive), f"{folder}/out"]
        known = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
        job = subprocess.Popen(
            command, env=known | {SECONDS: str(seconds_per_image)}, stdout=subprocess.PIPE, text=True
        )
        driver, workers = 0, defaultdict(int)
        while job.poll() is None:
            time.sleep(0.5)
            try:
                driver = max(driver, psutil.Process(job.pid).memory_full_info().uss)
                for child in psutil.Process(job.pid).children(recursive=True):
                    if child.name().startswith("ray::"):
                        workers[child.pid] = max(workers[child.pid], child.memory_full_info().uss)
            except psutil.Error:
                continue  # it has just ended
        if job.returncode:
            raise RuntimeError(f"the run of {images} images ended with {job.returncode}")
        found = json.loads(job.stdout.read().splitlines()[-1])
        files = sum(1 for _ in Path(folder, "out", "parquet").iterdir())
    if found["images"] != images:
        raise RuntimeError(f"expected {images} reports; found {found['images']}")
    return {
        "driver": driver / MIB,
        "largest worker": max(workers.values(), default=0) / MIB,
        "object store": found["store"] / MIB,
        "images/s": images / found["seconds"],
        "files": files,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--few", type=int, default=10_000)
    parser.add_argument("--many", type=int, default=100_000)
    parser.add_argument("--seconds-per-image", type=float, default=0.0005, help="of either half of the stand-in model")
    parser.add_argument("--report", nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.report:
        report(*asked.report)
        return
    with tempfile.TemporaryDirectory() as folder:
        paths = write_pictures(Path(folder, "pictures"), phantoms(16, 96))
        found = {number: measure(number, paths, asked.seconds_per_image) for number in (asked.few, asked.many)}
    print(f"{'peaks in MiB':20}" + "".join(f"{number:>12,}" for number in found))
    few, many = found[asked.few], found[asked.many]
    for name in few:
        print(f"{name:20}" + "".join(f"{values[name]:12.0f}" for values in (few, many)))
    ratios = {name.replace(" ", "_"): round(many[name] / few[name], 3) for name in ("driver", "largest worker")}
    print(json.dumps({"name": "reports_scale", "ratios": ratios, "goals": dict.fromkeys(ratios, GOAL)}))


if __name__ == "__main__":
    main()
