"""What is left of the model's own speed over HTTP: rates and latencies at growing load, beside the bare model.

python -m tests.benchmarks.serve [--model phantom|base|DIR] [--device cpu|cuda] [--clients 1,4,16,64] [--seconds 4]
    [--batches 1,4,16,64] [--words 24] [--set KEY=VALUE …] [--optimized]

"bare": the same work called in this process, alone on the machine, with the batch that suits it best. "query": one text
asked of a known image; "first": an image of 1,024 pixels uploaded and asked; "report": of a known image. `base` is the
paper's architecture with random weights, which end no sentence: each has --words tokens. --set goes to serve.app;
--optimized starts Ray with infra/serving.env.
"share": of the bare rate; the bare model has the machine for itself, while the server shares it with the clients, whose
part is told and, in "share of what clients leave", taken off the bare rate.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import tempfile
from dataclasses import replace
from pathlib import Path

from jobs.waiting_threads import wait_briefly
from tests.benchmarks.http_load import Connection, Server, closed_loop, open_loop
from tests.benchmarks.served_app import served
from tests.benchmarks.served_work import IMAGES, Bare, BareModel, Requests, pictures

GOALS = {
    "query_rate_share": 0.85,
    "report_rate_share": 0.85,
    "query_latency_within": 1.0,  # of 1.2 x bare + 15 ms
    "report_latency_within": 1.0,
    "known_against_first": 2.0,
    "query_p99_at_half_load": 2.0,  # of p50
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.serve", description=__doc__)
    parser.add_argument("--model", default="phantom")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--clients", default="1,4,16,64")
    parser.add_argument("--batches", default="1,4,16,64", help="of the bare model; the best one counts")
    parser.add_argument("--kinds", default="query,report,first")
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--words", type=int, default=24, help="of a sentence that `base` writes")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="settings")
    parser.add_argument("--optimized", action="store_true")
    asked = parser.parse_args()
    if asked.optimized:
        from tests.serve.deployment import switches

        os.environ.update(switches() | {"RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": "1"})
    os.environ.setdefault("RAY_AUTH_MODE", "disabled")
    wait_briefly()
    with tempfile.TemporaryDirectory() as folder:
        model = _model_folder(asked.model, Path(folder), asked.words)
        files = pictures()
        kinds = asked.kinds.split(",")
        bare = _bare(model, asked, files, kinds)
        settings = dict(pair.split("=", 1) for pair in asked.settings)
        with served(model, asked.device, settings) as server:
            ratios = asyncio.run(_measured(server, files, bare, _numbers(asked.clients), asked.seconds))
    goals = {name: goal for name, goal in GOALS.items() if name in ratios}
    for name, goal in goals.items():
        print(f"{name:26} {ratios[name]:7.2f}   goal {'at most' if _is_ceiling(name) else 'at least'} {goal}")
    print(json.dumps({"name": "serve", "ratios": ratios, "goals": goals}))


def _numbers(listed: str) -> list[int]:
    return [int(number) for number in listed.split(",")]


def _is_ceiling(name: str) -> bool:
    return name.endswith(("_within", "_half_load"))


def _model_folder(name: str, folder: Path, words: int) -> Path:
    if name == "phantom":
        from chex.embedded import phantom_folder

        return phantom_folder()
    if name != "base":
        return Path(name)
    from tests.benchmarks.model_rows import made_model

    model = made_model("base", "cpu")
    model.config = replace(model.config, generator=replace(model.config.generator, max_tokens=words))
    model.save(folder)
    return folder


def _bare(model: Path, asked: argparse.Namespace, files: list[bytes], kinds: list[str]) -> dict[str, Bare]:
    bare = BareModel(model, asked.device, files)
    print(
        f"{'':8}{'clients':>8}{'answers/s':>11}{'p50 ms':>9}{'p95 ms':>9}{'p99 ms':>9}{'refused':>9}{'clients’ cores':>16}"
    )
    found = {}
    for kind in kinds:
        found[kind] = one = bare.measure(getattr(bare, kind), asked.seconds, _numbers(asked.batches))
        print(f"{kind:8}{'bare':>8}{one.rate:11.1f}{1000 * one.latency:9.1f}   alone; rate with batches of {one.batch}")
    return found


async def _measured(
    server: Server, files, bare: dict[str, Bare], clients: list[int], seconds: float
) -> dict[str, float]:
    async with Connection(server) as connection:
        ids = [await connection.upload(file) for file in files]
        requests = Requests(files, ids)
        for number in range(IMAGES):  # every image is encoded, every text known
            await requests.query(connection, number)
        await requests.report(connection, 0)
    ratios: dict[str, float] = {}
    alone: dict[str, float] = {}
    for kind, one in bare.items():
        request, runs = getattr(requests, kind), []
        for count in clients:
            measured = await closed_loop(server, request, count, seconds)
            _print(kind, str(count), measured)
            runs.append(measured)
            if count == 1:
                alone[kind] = measured.percentile(50)
        best = max(runs, key=lambda run: run.rate)
        ratios[f"{kind}_rate_share"] = round(best.rate / one.rate, 3)
        left = 1 - best.clients_cores / len(os.sched_getaffinity(0))
        ratios[f"{kind}_rate_share_of_what_clients_leave"] = round(best.rate / (one.rate * left), 3)
        if kind in alone:
            ratios[f"{kind}_latency_within"] = round(alone[kind] / (1.2 * one.latency + 0.015), 3)
        measured = await open_loop(server, request, best.rate / 2, 2 * seconds)
        _print(kind, "half", measured)
        ratios[f"{kind}_p99_at_half_load"] = round(measured.percentile(99) / measured.percentile(50), 2)
    if {"query", "first"} <= set(alone):
        ratios["known_against_first"] = round(alone["first"] / alone["query"], 2)
    return ratios


def _print(kind: str, clients: str, measured) -> None:
    p50, p95, p99 = (1000 * measured.percentile(percent) for percent in (50, 95, 99))
    told = f"{kind:8}{clients:>8}{measured.rate:11.1f}{p50:9.1f}{p95:9.1f}{p99:9.1f}{measured.refused:9}"
    print(f"{told}{measured.clients_cores:16.2f}", flush=True)


if __name__ == "__main__":
    main()
