"""What is left of the model's own speed over HTTP: rates and latencies at growing load, beside the bare model.

python -m tests.benchmarks.serve [--model phantom|base|DIR] [--device cpu|cuda] [--clients 1,4,16,64] [--seconds 4]
    [--batches 1,4,16,64] [--set KEY=VALUE …] [--optimized]

"bare": the same work called in this process, alone on the machine, with the batch that suits it best. "query": one text
asked of a known image; "first": an image of 1,024 pixels uploaded and asked; "report": of a known image. `base` is the
paper's architecture with random weights. --set goes to serve.app; --optimized starts Ray with infra/serving.env.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import itertools
import json
import os
import socket
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from jobs.waiting_threads import wait_briefly
from tests.benchmarks.http_load import Connection, Server, closed_loop, open_loop

GOALS = {
    "query_rate_share": 0.85,
    "report_rate_share": 0.85,
    "query_latency_within": 1.0,  # of 1.2 x bare + 15 ms
    "report_latency_within": 1.0,
    "known_against_first": 2.0,
    "query_p99_at_half_load": 2.0,  # of p50
}
IMAGES = 16
TOKEN = "the-benchmark-s-own"
TEXTS = ("pleural effusion", "cardiomegaly", "pneumothorax", "edema", "nodule", "right lung", "left lower lung zone")


@dataclass(frozen=True)
class Bare:
    """Of one kind of request: seconds of one alone, and how many a second with the best batch."""

    latency: float
    rate: float
    batch: int


def pictures() -> list[bytes]:
    import numpy as np
    from PIL import Image

    from pipelines.phantoms.image import render

    files = []
    for seed in range(IMAGES):
        sink = io.BytesIO()
        small = Image.fromarray(render(seed, 256).pixels.astype(np.float32) / 16)
        large = np.asarray(small.resize((4 * small.width, 4 * small.height)))
        Image.fromarray(large.clip(0, 255).astype(np.uint8)).save(sink, "PNG")
        files.append(sink.getvalue())
    return files


def unlike(file: bytes, number: int) -> bytes:
    """The same picture as another file: a PNG's readers pass over what follows its end."""
    return file + str(number).encode()


class BareModel:
    """The work of requests, called directly."""

    def __init__(self, model: Path, device: str, files: list[bytes]) -> None:
        from chex import Chex
        from chex.inference.report import default_prompts
        from chex.inference.session import Session
        from chex.pixels import read_radiograph

        self.session = Session(Chex.load(model, device=device))
        self.files, self._read = files, read_radiograph
        self.features = self.session.encode([read_radiograph(file, "a.png").pixels for file in files])
        self.prompts = list(default_prompts().queries)

    def query(self, batch: int) -> object:
        return self.session.ask(*self._some(batch))

    def first(self, batch: int) -> object:
        images = [self._read(self.files[place % IMAGES], "a.png").pixels for place in range(batch)]
        return self.session.ask(self.session.encode(images), self._some(batch)[1])

    def report(self, batch: int) -> object:
        reports = self.session.reports
        answers = self.session.reader.detect(self._some(batch)[0], [self.prompts] * batch)
        chosen = [reports.select(found) for found in answers]
        return [reports.compose(*one) for one in zip(chosen, self.session.writer.describe(chosen))]

    def _some(self, batch: int):
        from chex.records import Query

        features = [self.features[place % IMAGES] for place in range(batch)]
        return features, [[Query(text=text)] for text in itertools.islice(itertools.cycle(TEXTS), batch)]

    def measure(self, work: Callable[[int], object], seconds: float, batches: Sequence[int]) -> Bare:
        alone = statistics.median(_times(work, 1, seconds))
        rates = {batch: batch / min(_times(work, batch, seconds / 2)) for batch in batches}
        best = max(rates, key=rates.get)
        return Bare(alone, rates[best], best)


def _times(work: Callable[[int], object], batch: int, seconds: float) -> list[float]:
    work(batch)
    times, ends = [], time.perf_counter() + seconds
    while not times or (time.perf_counter() < ends and len(times) < 50):
        began = time.perf_counter()
        work(batch)
        times.append(time.perf_counter() - began)
    return times


class Requests:
    """The same work, asked over HTTP."""

    def __init__(self, files: list[bytes], ids: list[str]) -> None:
        self._files, self._ids = files, ids
        self._number = itertools.count()

    async def query(self, connection, number: int) -> bool:
        return await self._ask(connection, self._ids[number % IMAGES], number)

    async def first(self, connection, number: int) -> bool:
        image_id = await connection.upload(unlike(self._files[number % IMAGES], next(self._number)))
        return image_id is not None and await self._ask(connection, image_id, number)

    async def report(self, connection, number: int) -> bool:
        return (await connection.post(f"/v1/images/{self._ids[number % IMAGES]}/report", b"{}"))[0] == 200

    async def _ask(self, connection, image_id: str, number: int) -> bool:
        body = json.dumps({"queries": [{"text": TEXTS[number % len(TEXTS)]}]}).encode()
        return (await connection.post(f"/v1/images/{image_id}/queries", body))[0] == 200


@contextmanager
def served(model: Path, device: str, settings: dict[str, str]) -> Iterator[Server]:
    """The application, run for as long as the block does."""
    from jobs.cluster import ray_cluster
    from serve.security.new_key import line_of

    with tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp") as folder:
        os.environ["RAY_TMPDIR"] = folder
        gpus = {"gpus_per_replica": "0.5"} if device == "cuda" else {}
        with ray_cluster(cpus=max(4, os.cpu_count() or 1), object_store_bytes=2**29):
            from ray import serve

            from serve.app import AppArguments, build

            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                port = free.getsockname()[1]
            serve.start(http_options={"host": "127.0.0.1", "port": port})
            keys = Path(folder, "keys")
            keys.write_text(line_of("benchmark", TOKEN))
            fixed = {
                "most_images": 4096,
                "image_mebibytes": 8192,
                "keys_file": str(keys),
                "requests_per_second": 10**6,
                "burst": 10**6,
            }
            serve.run(build(AppArguments(model=str(model), device=device, **gpus | fixed | settings)))
            yield Server(port, TOKEN)
            serve.shutdown()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.serve", description=__doc__)
    parser.add_argument("--model", default="phantom")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--clients", default="1,4,16,64")
    parser.add_argument("--batches", default="1,4,16,64", help="of the bare model; the best one counts")
    parser.add_argument("--kinds", default="query,report,first")
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="settings")
    parser.add_argument("--optimized", action="store_true")
    asked = parser.parse_args()
    if asked.optimized:
        from tests.serve.deployment import switches

        os.environ.update(switches() | {"RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": "1"})
    os.environ.setdefault("RAY_AUTH_MODE", "disabled")
    wait_briefly()
    with tempfile.TemporaryDirectory() as folder:
        model = _model_folder(asked.model, Path(folder))
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


def _model_folder(name: str, folder: Path) -> Path:
    if name == "phantom":
        from chex.embedded import phantom_folder

        return phantom_folder()
    if name != "base":
        return Path(name)
    from tests.benchmarks.model_rows import made_model

    made_model("base", "cpu").save(folder)
    return folder


def _bare(model: Path, asked: argparse.Namespace, files: list[bytes], kinds: list[str]) -> dict[str, Bare]:
    bare = BareModel(model, asked.device, files)
    print(f"{'':8}{'clients':>8}{'answers/s':>11}{'p50 ms':>9}{'p95 ms':>9}{'p99 ms':>9}{'refused':>9}")
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
        request, rates = getattr(requests, kind), []
        for count in clients:
            measured = await closed_loop(server, request, count, seconds)
            _print(kind, str(count), measured)
            rates.append(measured.rate)
            if count == 1:
                alone[kind] = measured.percentile(50)
        ratios[f"{kind}_rate_share"] = round(max(rates) / one.rate, 3)
        if kind in alone:
            ratios[f"{kind}_latency_within"] = round(alone[kind] / (1.2 * one.latency + 0.015), 3)
        measured = await open_loop(server, request, max(rates) / 2, 2 * seconds)
        _print(kind, "half", measured)
        ratios[f"{kind}_p99_at_half_load"] = round(measured.percentile(99) / measured.percentile(50), 2)
    if {"query", "first"} <= set(alone):
        ratios["known_against_first"] = round(alone["first"] / alone["query"], 2)
    return ratios


def _print(kind: str, clients: str, measured) -> None:
    p50, p95, p99 = (1000 * measured.percentile(percent) for percent in (50, 95, 99))
    print(f"{kind:8}{clients:>8}{measured.rate:11.1f}{p50:9.1f}{p95:9.1f}{p99:9.1f}{measured.refused:9}", flush=True)


if __name__ == "__main__":
    main()
