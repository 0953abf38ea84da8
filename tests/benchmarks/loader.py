"""How many samples per second the training side delivers, beside what decoding and augmenting alone would allow.

python -m tests.benchmarks.loader [--rows N]
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from unittest.mock import patch

from chex.augmentation import augment, sample_generator
from chex.geometry import Frame
from chex.pixels import decode_stored
from chex.records import Sample
from chex.training_config import AugmentationConfig, DataConfig
from chex.vocabulary import load
from tests.benchmarks.loader_shards import STORED, write_loader_shards

SIZES = {"base": 224, "tiny": 128}
GOALS = {"in_process / augment": 0.75, "ray_1 / in_process": 0.7, "ray_2 / ray_1": 1.6}
_BATCH, _WINDOW = 64, 256
_PARTS = {
    "Parquet": "pipelines.batches.read_rows",
    "row to sample": "pipelines.batches.from_row",
    "decode": "pipelines.batches.decode_stored",
    "resample": "chex.augmentation.resample",
    "exposure": "chex.augmentation.exposed",
    "blur": "chex.augmentation.blurred",
    "boxes": "chex.augmentation.move_annotations",
    "words": "chex.augmentation.mirror_words",
}


def feed_of(uri: str, size: int, rows: int, rank: int = 0, workers: int = 1):
    """The batches of one worker of `workers`; all of them together use `rows` rows."""
    from pipelines.batches import training_batches

    data = DataConfig(batch_size=_BATCH * workers, image_size=size, shuffle_buffer=_WINDOW)
    steps = rows // (_BATCH * workers)
    return training_batches(uri, data=data, augmentation=AugmentationConfig(), steps=steps, rank=rank, workers=workers)


def plain_loops(samples: list[Sample], size: int) -> tuple[float, float]:
    """Samples per second of decoding alone, and of decoding and augmenting, each in a loop over samples in memory."""

    def decode() -> None:
        for sample in samples:
            decode_stored(sample.image)

    def prepare() -> None:
        for sample in samples:
            pixels = decode_stored(sample.image)
            augment(
                pixels, sample.annotations, frame=Frame(*pixels.shape, size), config=AugmentationConfig(),
                generator=sample_generator(0, 0, sample.study.sample_id), vocabulary=load(),
            )  # fmt: skip

    return tuple(len(samples) / _best(loop) for loop in (decode, prepare))


def in_process(uri: str, size: int, rows: int) -> float:
    """Samples per second of the loader without Ray."""
    feed = feed_of(uri, size, rows)
    return len(feed) * _BATCH / _best(lambda: [None for _ in feed])


def parts(uri: str, size: int, rows: int) -> dict[str, float]:
    """Milliseconds per sample of what the loader does, and of packing for the way between processes."""
    from pipelines.rows.packing import pack, unpack

    feed, seconds = feed_of(uri, size, rows), defaultdict(float)
    with ExitStack() as stack:
        for name, target in _PARTS.items():
            stack.enter_context(_timed(target, name, seconds))
        began = time.perf_counter()
        batches = list(feed)
        whole = time.perf_counter() - began
    seconds["rest"] = whole - sum(seconds.values())
    samples = [sample for batch in batches for sample in batch["samples"]]
    began = time.perf_counter()
    packed = [pack(sample) for sample in samples]
    seconds["pack"], began = time.perf_counter() - began, time.perf_counter()
    for text in packed:
        unpack(text)
    seconds["unpack"] = time.perf_counter() - began
    return {name: 1000 * value / len(samples) for name, value in seconds.items()}


def through_ray(uri: str, size: int, rows: int, workers: int) -> float:
    """Samples per second of `workers` processes together, each with one core that decodes for it."""
    import ray

    @ray.remote(num_cpus=0)
    def use(rank: int) -> tuple[float, float, int]:
        from ray.data import ExecutionResources

        feed = feed_of(uri, size, rows, rank, workers)
        dataset = feed.dataset()
        dataset.context.execution_options.resource_limits = ExecutionResources.for_limits(cpu=1)
        times = [time.time() for _ in feed.batches_of(dataset)]
        return times[0], times[-1], len(times) - 1

    used = ray.get([use.remote(rank) for rank in range(workers)])
    # from the first batch on: what it takes to start is no part of the rate
    return sum(count for *_, count in used) * _BATCH / (max(last for _, last, _ in used) - min(f for f, *_ in used))


@contextmanager
def _timed(target: str, name: str, seconds: dict[str, float]) -> Iterator[None]:
    module, _, function = target.rpartition(".")
    original = getattr(__import__(module, fromlist=[function]), function)

    def measured(*arguments, **options):
        began = time.perf_counter()
        try:
            return original(*arguments, **options)
        finally:
            seconds[name] += time.perf_counter() - began

    with patch(target, measured):
        yield


def _best(run: Callable[[], object], repeats: int = 3) -> float:
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - began)
    return min(seconds)


def measure(uri: str, rows: int) -> dict[str, dict[str, float]]:
    """Samples per second by preset and way, printed as they come."""
    from pipelines.shards import samples

    some = [sample for sample, _ in zip(samples(uri, "train"), range(512))]
    rates: dict[str, dict[str, float]] = {preset: {} for preset in SIZES}
    print(f"{'samples/s':32}" + "".join(f"{f'{preset} {STORED} → {size}':>20}" for preset, size in SIZES.items()))

    def show(label: str, name: str, rate: Callable[[int], float]) -> None:
        for preset, size in SIZES.items():
            rates[preset][name] = rate(size)
        print(f"{label:32}" + "".join(f"{rates[preset][name]:20.0f}" for preset in SIZES), flush=True)

    plain = {size: plain_loops(some, size) for size in SIZES.values()}
    show("decode alone", "decode", lambda size: plain[size][0])
    show("decode and augment", "augment", lambda size: plain[size][1])
    show("loader, this process", "in_process", lambda size: in_process(uri, size, rows // 2))
    for workers in (1, 2):
        label = f"loader, Ray Data, {workers} worker{'s' * (workers > 1)}"
        show(label, f"ray_{workers}", lambda size, workers=workers: through_ray(uri, size, rows * workers, workers))
    return rates


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=3072, help="rows of a run through Ray, for each worker")
    rows = parser.parse_args().rows
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from jobs.cluster import ray_cluster

    with tempfile.TemporaryDirectory() as folder, ray_cluster(cpus=2, object_store_bytes=200 * 2**20):
        uri = write_loader_shards(Path(folder), 2048)
        rates = measure(uri, rows)
        spent = {preset: parts(uri, size, 1024) for preset, size in SIZES.items()}
    print("milliseconds per sample")
    for name in spent["base"]:
        print(f"  {name:30}" + "".join(f"{spent[preset][name]:20.3f}" for preset in SIZES))
    pairs = [("augment", "decode"), ("in_process", "augment"), ("in_process", "decode"),
             ("ray_1", "in_process"), ("ray_1", "decode"), ("ray_2", "ray_1")]  # fmt: skip
    ratios = {f"{p}: {a} / {b}": round(rates[p][a] / rates[p][b], 2) for p in SIZES for a, b in pairs}
    goals = {f"{preset}: {pair}": goal for preset in SIZES for pair, goal in GOALS.items()}
    print(json.dumps({"name": "loader", "ratios": ratios, "goals": goals}))


if __name__ == "__main__":
    main()
