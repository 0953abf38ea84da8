"""Whether the memory of a conversion grows with the number of images: peaks of its driver and of its workers.

python -m tests.benchmarks.convert_memory [--few 2000] [--many 50000]
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

from tests.benchmarks.copied_phantoms import write_copies

GOAL = 1.1  # the most that a peak may grow
SECONDS = 0.25  # between two looks
DRIVER, WORKER, RAY = "driver", "largest worker", "Ray's own processes together"
MIB = 2**20


class Peaks:
    """The most that each process of a running job ever held, in bytes: resident, and of that its own alone."""

    def __init__(self, driver: subprocess.Popen) -> None:
        self._driver = psutil.Process(driver.pid)
        self._seen: dict[int, tuple[int, int]] = defaultdict(lambda: (0, 0))
        self._workers: set[int] = set()
        self._ray = (0, 0)

    def watch(self, ended: threading.Event) -> None:
        while not ended.wait(SECONDS):
            ray = [0, 0]
            for process in self._processes():
                try:
                    memory = process.memory_full_info()
                    if "_convert_batch" in " ".join(process.cmdline()):
                        self._workers.add(process.pid)
                except psutil.Error:
                    continue  # it has just ended
                known = self._seen[process.pid]
                self._seen[process.pid] = max(known[0], memory.rss), max(known[1], memory.uss)
                if process.pid not in self._workers | {self._driver.pid}:
                    ray = [ray[0] + memory.rss, ray[1] + memory.uss]
            self._ray = max(self._ray[0], ray[0]), max(self._ray[1], ray[1])

    def _processes(self) -> list[psutil.Process]:
        try:
            return [self._driver, *self._driver.children(recursive=True)]
        except psutil.Error:
            return []  # the job has just ended

    def result(self) -> dict[str, tuple[int, int]]:
        workers = [self._seen[pid] for pid in self._workers]
        largest = max((peak[0] for peak in workers), default=0), max((peak[1] for peak in workers), default=0)
        return {DRIVER: self._seen[self._driver.pid], WORKER: largest, RAY: self._ray}


def measure(images: int, folder: Path) -> tuple[dict[str, tuple[int, int]], float]:
    """The peaks, (resident, own), and the seconds of one conversion of so many images, in its own processes."""
    sources = write_copies(folder / "raw", images)
    command = [sys.executable, "-m", "jobs.convert", "--output", str(folder / "shards"), "--image-size", "32"]
    for kind, root in sources:
        command += ["--source", f"{kind}={root}"]
    environment = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
    began = time.perf_counter()
    job = subprocess.Popen(command, env=environment | {"OMP_NUM_THREADS": "1"}, stderr=subprocess.PIPE, text=True)
    peaks, ended = Peaks(job), threading.Event()
    watcher = threading.Thread(target=peaks.watch, args=(ended,))
    watcher.start()
    log = job.communicate()[1]
    ended.set()
    watcher.join()
    if job.returncode:
        raise RuntimeError(f"the conversion of {images} images ended with {job.returncode}:\n{log}")
    return peaks.result(), time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--few", type=int, default=2_000)
    parser.add_argument("--many", type=int, default=50_000)
    arguments = parser.parse_args()
    found = {}
    print(f"{'MiB, resident (of that not shared)':40}{'images':>8}{'peak':>18}{'images/s':>10}")
    for images in (arguments.few, arguments.many):
        with tempfile.TemporaryDirectory() as folder:
            found[images], seconds = measure(images, Path(folder))
            for name, (resident, own) in found[images].items():
                print(
                    f"{name:40}{images:8}{f'{resident / MIB:.0f} ({own / MIB:.0f})':>18}{images / seconds:10.0f}",
                    flush=True,
                )
    few, many = found[arguments.few], found[arguments.many]
    ratios = {
        f"{'driver' if name == DRIVER else 'worker'}_{kind}_peak": round(many[name][index] / few[name][index], 3)
        for name in (DRIVER, WORKER)
        for index, kind in enumerate(("resident", "own"))
    }
    print(json.dumps({"name": "convert_memory", "ratios": ratios, "goals": dict.fromkeys(ratios, GOAL)}))


if __name__ == "__main__":
    main()
