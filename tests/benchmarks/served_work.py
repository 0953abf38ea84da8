"""The work of a served request, called directly and asked over HTTP: what tests.benchmarks.serve compares."""

from __future__ import annotations

import io
import itertools
import json
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

IMAGES = 16
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
