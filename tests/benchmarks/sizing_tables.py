"""The tables of infra/operations.md, from what was measured last.

python -m tests.benchmarks.sizing_tables [--write]       prints them, or puts them into the document
"""

from __future__ import annotations

import argparse
import json
import re
from dataclasses import replace
from pathlib import Path

from jobs.reporting.cost import FULL_SIZE, PHANTOM, RATES
from tests.benchmarks.simulated import simulate
from tests.benchmarks.sizing import (
    Requests,
    actors_for,
    archive_rate,
    archive_stations,
    endpoint_rate,
    most_through_one_ingress,
    nodes_for_archive,
    nodes_for_requests,
    replicas_for,
)

DOCUMENT = Path(__file__).resolve().parents[2] / "infra" / "operations.md"
MEASURED = Path(__file__).with_name("sizing_measured.json")  # by tests.benchmarks.sizing_runs --record
CORES = 16  # of a node
NIGHT = 10.0  # hours
REQUESTS = 50.0  # a second
PARTS = 200  # of a simulated archive
KINDS = {"query": "a question about a known image", "first": "an image and its first question", "report": "a report"}


def measured() -> dict:
    return json.loads(MEASURED.read_text(encoding="utf-8"))


def archive_table() -> str:
    """Nodes of CORES for an archive in a NIGHT; what they cost an image is jobs.reporting.cost's."""
    large = replace(PHANTOM, read=FULL_SIZE)
    kinds = [("pictures of 256 pixels", PHANTOM, 0), ("DICOM of 2,500 × 3,000 pixels", large, 0)]
    kinds += [
        (f"such DICOM, a GPU of {rate} images/s in each node", replace(large, model=1 / rate), 1) for rate in RATES
    ]
    lines = ["| | 1 million images | 10 million images |", "|---|---|---|"]
    for name, costs, gpus in kinds:
        counts = (nodes_for_archive(costs, 10**power, hours=NIGHT, cores=CORES, gpus=gpus) for power in (6, 7))
        lines.append(f"| {name} | " + " | ".join(str(count) for count in counts) + " |")
    steps = measured()["reports"]["steps"]
    enough = actors_for(steps, CORES)
    asked, reached, by_one = (
        f"--detectors {enough[0]} --generators {enough[1]}",
        share(steps, enough),
        share(steps, (1, 1)),
    )
    lines += [
        "",
        f"So much needs actors for all cores: `{asked}` on each {CORES} use {reached:.0%} of them for pictures, by the",
        f"simulation below. One of each, the default, uses {by_one:.0%}.",
    ]
    return "\n".join(lines)


def share(steps: dict[str, float], actors: tuple[int, int]) -> float:
    """Of the time of CORES, what an archive's work takes with actors of one thread."""
    stations = archive_stations(steps, actors, part=128, cpus=CORES, cores=CORES, useful=1)
    passed = simulate(stations, [0.0] * PARTS, cores=CORES)
    return passed.busy / (CORES * passed.went[-1])


def endpoint_table() -> str:
    """What REQUESTS a second take."""
    lines = [
        "| each request is | ms of one core | detectors | generators | nodes | most through one ingress |",
        "|---|---|---|---|---|---|",
    ]
    for kind, name in KINDS.items():
        asked = requests(kind)
        replicas = [replicas_for(REQUESTS, seconds) for seconds in (asked.alone["detector"], asked.alone["generator"])]
        nodes = nodes_for_requests(asked, REQUESTS, cores=CORES)
        lines.append(
            f"| {name} | {1000 * asked.cores:.0f} | {replicas[0]} | {replicas[1]} | {nodes} | "
            f"{most_through_one_ingress(asked):.0f} a second |"
        )
    return "\n".join(lines)


def requests(kind: str) -> Requests:
    return Requests(**measured()["endpoint"][kind]["parts"])


def compared() -> list[tuple[str, float, float, float]]:
    """(run, cores, measured, simulated) of every run that was recorded."""
    found, reports = [], measured()["reports"]
    for run in reports["runs"]:
        actors = (run["actors"], run["actors"])
        stations = archive_stations(
            reports["steps"], actors, part=run["part"], cpus=run["cpus"], cores=run["threads"], useful=run["threads"]
        )
        rate = archive_rate(stations, run["parts"], part=run["part"], cores=run["cores"])
        found.append((f"images/s, {actors[0]} + {actors[1]} actors", run["cores"], run["rate"], rate))
    for kind, name in KINDS.items():
        for run in measured()["endpoint"][kind]["runs"]:
            rate = endpoint_rate(requests(kind), run["clients"], cores=run["cores"])
            found.append((f"{name}, {run['clients']} clients", run["cores"], run["rate"], rate))
    return found


def runs_table() -> str:
    lines = ["| run | cores | measured, a second | simulated | ratio |", "|---|---|---|---|---|"]
    for name, cores, rate, simulated in compared():
        lines.append(f"| {name} | {cores:.1f} | {rate:.1f} | {simulated:.1f} | {rate / simulated:.2f} |")
    return "\n".join(lines)


def tables() -> dict[str, str]:
    """By the mark that stands around each in the document."""
    return {"archive": archive_table(), "endpoint": endpoint_table(), "runs": runs_table()}


def with_tables(text: str) -> str:
    for mark, table in tables().items():
        block = f"<!-- {mark} -->\n{table}\n<!-- /{mark} -->"
        text, count = re.subn(
            f"<!-- {mark} -->\n.*?<!-- /{mark} -->", lambda _, block=block: block, text, flags=re.DOTALL
        )
        if count != 1:
            raise ValueError(f"{DOCUMENT.name} has the mark {mark} {count} times, expected once")
    return text


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.sizing_tables", description=__doc__)
    parser.add_argument("--write", action="store_true")
    if parser.parse_args().write:
        DOCUMENT.write_text(with_tables(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
    else:
        print("\n\n".join(tables().values()))


if __name__ == "__main__":
    main()
