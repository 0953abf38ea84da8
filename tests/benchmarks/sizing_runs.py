"""Small runs of the report job and of the endpoint, and what their parts cost.

python -m tests.benchmarks.sizing_runs [--only reports|endpoint] [--record]      4 minutes on two idle cores

The parts are measured by themselves: what each step of a report costs one core, what a request costs each process while
one client asks, and while very many do. From these, and from nothing else of the runs, the simulation says how fast the
runs are, on the cores that others on the machine leave meanwhile (tests.benchmarks.sizing_tables). --record keeps what was
measured.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.benchmarks.sizing import PROCESSES
from tests.benchmarks.sizing_tables import KINDS, MEASURED

PARTS, PART = (2, 24), 128  # of the run that shows what the start takes, and of the one that counts
SIDE = 512  # pixels
CLIENTS = (1, 4, 16, 64)
SHOWN_BY = {1: "alone", 64: "among_many"}  # what a request costs each process
SECONDS, IDLE = 6.0, 5.0
ACTORS = (1, 2)


def cores() -> int:
    return len(os.sched_getaffinity(0))


@dataclass(slots=True)
class Spent:
    """`by`: the processor's seconds of ours, by what Ray calls them; `left`: cores that others on the machine left to us."""

    by: Counter[str] = field(default_factory=Counter)
    left: float = 0.0


@contextmanager
def watched() -> Iterator[Spent]:
    """Filled when the block ends. Ray's processes come and go, and what the gone have taken nobody tells: so all are looked
    at twice a second."""
    spent, before, busy, began = Spent(), processes(), machine_seconds(), time.perf_counter()
    seen, over = dict(before), threading.Event()

    def look() -> None:
        while not over.wait(0.5):
            seen.update(processes())

    looking = threading.Thread(target=look, daemon=True)
    looking.start()
    try:
        yield spent
    finally:
        over.set()
        looking.join()
    seen.update(processes())
    for one, (kind, seconds) in seen.items():
        spent.by[kind] += seconds - before.get(one, (kind, 0.0))[1]
    others = machine_seconds() - busy - spent.by.total()
    spent.left = max(0.1, cores() - max(0.0, others) / (time.perf_counter() - began))


def machine_seconds() -> float:
    """The processors' seconds of everybody, and those that a host has kept from this machine."""
    times = psutil.cpu_times()
    return times.user + times.nice + times.system + times.irq + times.softirq + times.steal


def measure_reports() -> dict:
    """The steps' costs, and the rates by number of actors."""
    from jobs.cluster import default_cpus, ray_cluster
    from tests.benchmarks.report_archive import phantoms, write_archive, write_pictures
    from tests.benchmarks.reports import steps

    runs = []
    with tempfile.TemporaryDirectory() as folder:
        paths = write_pictures(Path(folder, "pictures"), phantoms(32, SIDE))
        short, long = (write_archive(Path(folder, str(parts)), paths, parts * PART) for parts in PARTS)
        measured = steps(short)
        with ray_cluster(object_store_bytes=400 * 2**20):
            _, start = report_on(short, 1)
            for actors in ACTORS:
                rate, spent = report_on(long, actors)
                if "around" not in measured:  # Ray's own work: what the run takes beside its start and its steps
                    each = (spent.by.total() - start.by.total()) / (PARTS[1] - PARTS[0]) / PART
                    measured["around"] = max(0.0, each - sum(measured.values()))
                runs.append(
                    {"actors": actors, "parts": PARTS[1], "part": PART, "cpus": default_cpus(), "threads": cores(),
                     "cores": round(spent.left, 2), "rate": round(rate, 2)}
                )  # fmt: skip
                print(runs[-1], flush=True)
    return {"steps": {name: round(value, 5) for name, value in measured.items()}, "runs": runs}


def report_on(archive: Path, actors: int) -> tuple[float, Spent]:
    """Images a second under way."""
    from tests.benchmarks.reports import write

    with tempfile.TemporaryDirectory() as output, watched() as spent:
        summary = write(archive, output, actors)
    return summary["this_run"]["images_per_second_under_way"], spent


def processes() -> dict[tuple[int, float], tuple[str, float]]:
    """Of this process and all below it: what Ray calls them, and the processor's seconds that they have taken."""
    kinds = {"Proxy": "proxy", "Ingress": "ingress", "Detector": "detector", "Generator": "generator"}
    found, me = {}, psutil.Process()
    for process in [me, *me.children(recursive=True)]:
        try:
            name, times = process.name(), process.cpu_times()
        except (psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
        kind = next((kind for word, kind in kinds.items() if word in name), "around")
        found[process.pid, process.create_time()] = kind, times.user + times.system
    return found


def measure_endpoint() -> dict:
    """By kind of request: what it costs each process, and the rates by number of clients."""
    from chex.embedded import phantom_folder
    from tests.benchmarks import served_work as work
    from tests.benchmarks.http_load import Connection, Server, closed_loop
    from tests.benchmarks.served_app import served

    files = work.pictures()
    found: dict = {}

    async def run(server: Server) -> None:
        async with Connection(server) as connection:
            ids = [await connection.upload(file) for file in files]
            asked = work.Requests(files, ids)
            for number in range(work.IMAGES):
                await asked.query(connection, number)
            await asked.report(connection, 0)
        with watched() as idle:  # Ray's processes work also when nobody asks
            await asyncio.sleep(IDLE)
        for kind in KINDS:
            runs, parts = [], {}
            for clients in CLIENTS:
                began = time.perf_counter()
                with watched() as spent:
                    measured = await closed_loop(server, getattr(asked, kind), clients, SECONDS)
                    took = time.perf_counter() - began
                if clients in SHOWN_BY:
                    asked_for = {name: spent.by[name] - idle.by[name] * took / IDLE for name in PROCESSES}
                    parts[SHOWN_BY[clients]] = {
                        name: round(max(0.0, asked_for[name]) / measured.answers, 5) for name in PROCESSES
                    }
                left = spent.left - idle.by.total() / IDLE
                runs.append({"clients": clients, "cores": round(left, 2), "rate": round(measured.rate, 2)})
                print(kind, runs[-1], flush=True)
            found[kind] = {"parts": parts, "runs": runs}

    with served(phantom_folder(), "cpu", {}) as server:
        asyncio.run(run(server))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.sizing_runs", description=__doc__)
    parser.add_argument("--only", choices=("reports", "endpoint"))
    parser.add_argument("--record", action="store_true")
    asked = parser.parse_args()
    os.environ.setdefault("RAY_AUTH_MODE", "disabled")
    for name, measure in (("reports", measure_reports), ("endpoint", measure_endpoint)):
        if asked.only not in (None, name):
            continue
        found = measure()
        print(json.dumps({name: found}), flush=True)
        if asked.record:
            known = json.loads(MEASURED.read_text()) if MEASURED.exists() else {}
            MEASURED.write_text(json.dumps(known | {name: found}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
