"""How fast radiographs of 2,500 x 3,000 pixels are converted: on Ray with 1 and 2 cores, beside a bare loop in one process.

python -m tests.benchmarks.convert [--formats NAME,…] [--seconds 5] [--turns 2] [--quick]

Bare exact: whole picture, resize, encode, from bytes in memory. Bare same: the same loop with the converter's own way to
decode, so that its distance from the converter is Ray, files and tables, and its distance from bare exact the codec.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from chex.pixels import decode_stored, encode_stored, read_radiograph, resize, shrunk
from pipelines.convert import Conversion, prepare, run
from tests.benchmarks.conversion_stages import print_stages
from tests.benchmarks.made_radiographs import FORMATS, made_radiograph, write_dataset
from tests.benchmarks.reduced_decoding import print_reduced

SIDE = 256
GOAL = 1.8  # two cores over the bare exact loop
SEEDS = (3, 5)
_SHARDS = 8


def bare_exact(content: bytes) -> bytes:
    pixels = read_radiograph(content, "image").pixels
    return encode_stored(resize(pixels, *shrunk(*pixels.shape, SIDE)))


def bare_same(content: bytes) -> bytes:
    return encode_stored(read_radiograph(content, "image", SIDE).pixels)


@dataclass
class Inputs:
    """One format: its files, and datasets of them that take one and two cores about as long."""

    name: str
    folder: Path
    files: list[bytes] = field(init=False)
    rate: float = field(init=False)  # of bare_exact, roughly
    runs: int = 0

    def __post_init__(self) -> None:
        self.files = [FORMATS[self.name](made_radiograph(seed)) for seed in SEEDS]
        bare_exact(self.files[0])
        self.rate = self.bare(bare_exact, 1.0)

    def bare(self, convert, seconds: float) -> float:
        """Images per second, of whole rounds through the files."""
        began, done = time.perf_counter(), 0
        while time.perf_counter() - began < seconds:
            for content in self.files:
                convert(content)
            done += len(self.files)
        return done / (time.perf_counter() - began)

    def dataset(self, cores: int, seconds: float) -> Conversion:
        per_shard = max(1, round(self.rate * cores * seconds / _SHARDS))
        root = self.folder / f"{self.name}-{cores}"
        picture = self.name == "jpeg"
        if not root.exists():
            write_dataset(root, self.files, per_shard * _SHARDS, ".jpg" if picture else ".dcm")
        self.runs += 1
        return Conversion(
            sources=(("mimic-cxr-jpg" if picture else "mimic-cxr-dicom", str(root)),),
            output=str(self.folder / f"{self.name}-{self.runs}-shards"),
            image_size=SIDE,
            rows_per_shard=per_shard,
        )

    def converted(self, cores: int, seconds: float) -> float:
        """Images per second of the converter on the Ray that is running, whose workers are warm."""
        from ray.data import DataContext, ExecutionResources

        DataContext.get_current().execution_options.resource_limits = ExecutionResources.for_limits(cpu=cores)
        conversion = self.dataset(cores, seconds)
        plan = prepare(conversion)
        began = time.perf_counter()
        run(conversion, plan, progress=False)
        rate = plan.images.total() / (time.perf_counter() - began)
        self._check(Path(conversion.output), plan.images.total())
        return rate

    def _check(self, output: Path, images: int) -> None:
        import pyarrow.parquet as pq

        expected = {bare_same(content) for content in self.files}
        found = [image.as_py() for path in output.rglob("part-*") for image in pq.ParquetFile(path).read()["image"]]
        if len(found) != images or set(found) != expected:
            raise SystemExit(f"{self.name}: expected {images} rows with the pictures of the bare loop; found others")

    def difference(self) -> tuple[int, float]:
        """The largest difference between both bare loops in grey levels, and the share of pixels that differ."""
        pairs = [(decode_stored(bare_exact(c)).astype(int), decode_stored(bare_same(c))) for c in self.files]
        apart = np.concatenate([np.abs(exact - same).ravel() for exact, same in pairs])
        return int(apart.max()), float((apart > 0).mean())


@dataclass
class Rates:
    """Images per second, one entry per turn."""

    exact: list[float] = field(default_factory=list)
    same: list[float] = field(default_factory=list)
    one: list[float] = field(default_factory=list)
    two: list[float] = field(default_factory=list)

    def over(self, name: str, base: str) -> float:
        """The median of the turns' ratios."""
        return statistics.median(a / b for a, b in zip(getattr(self, name), getattr(self, base)))


def measure(inputs: Inputs, seconds: float, turns: int) -> Rates:
    rates = Rates()
    for turn in range(turns):
        rates.exact.append(inputs.bare(bare_exact, seconds / 2))
        rates.same.append(inputs.bare(bare_same, seconds / 2))
        rates.two.append(inputs.converted(2, seconds))
        if turn == 0:
            rates.one.append(inputs.converted(1, seconds))
    return rates


def print_rates(name: str, rates: Rates, difference: tuple[int, float]) -> None:
    shown = "".join(f"{statistics.median(side):9.2f}" for side in (rates.exact, rates.same, rates.one, rates.two))
    ratios = (
        f"{rates.over('one', 'exact'):9.2f}{rates.over('two', 'exact'):9.2f}{GOAL:6.1f}{rates.over('two', 'same'):9.2f}"
    )
    print(f"{name:22}{shown}{ratios}{difference[0]:9d}{difference[1]:9.1%}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--formats", default=",".join(FORMATS), help="separated by commas")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each conversion")
    parser.add_argument("--turns", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="one short turn of JPEG and uncompressed DICOM")
    asked = parser.parse_args()
    if asked.quick:
        asked.formats, asked.seconds, asked.turns = "jpeg,dicom_12_bit", 3.0, 1
    names = asked.formats.split(",")
    if unknown := set(names) - set(FORMATS):
        parser.error(f"unknown formats {', '.join(sorted(unknown))}; there are: {', '.join(FORMATS)}")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    ratios: dict[str, float] = {}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        prepared = [Inputs(name, Path(folder)) for name in names]
        began = time.perf_counter()
        from jobs.cluster import ray_cluster

        with ray_cluster(cpus=2, object_store_bytes=200 * 2**20):
            started = time.perf_counter()
            prepared[0].converted(2, 0.1)
            print(f"start: Ray {started - began:.1f} s, its first workers {time.perf_counter() - started:.1f} s\n")
            print(
                f"{'images/s':22}{'bare':>9}{'bare':>9}{'Ray on':>9}{'Ray on':>9}{'1 core':>9}{'2 cores':>9}{'goal':>6}",
                end="",
            )
            print(f"{'2 cores':>9}{'largest':>9}{'pixels':>9}")
            print(
                f"{'':22}{'exact':>9}{'same':>9}{'1 core':>9}{'2 cores':>9}{'/ exact':>9}{'/ exact':>9}{'':6}", end=""
            )
            print(f"{'/ same':>9}{'differ.':>9}{'differ':>9}")
            for inputs in prepared:
                rates = measure(inputs, asked.seconds, asked.turns)
                print_rates(inputs.name, rates, inputs.difference())
                ratios[inputs.name] = round(rates.over("two", "exact"), 2)
                ratios[f"{inputs.name}_1_core"] = round(rates.over("one", "exact"), 2)
                ratios[f"{inputs.name}_over_same"] = round(rates.over("two", "same"), 2)
        print_stages({inputs.name: inputs.dataset(1, 1.0) for inputs in prepared})
    print_reduced(names)
    print(json.dumps({"name": "convert", "ratios": ratios, "goals": dict.fromkeys(names, GOAL)}))


if __name__ == "__main__":
    sys.exit(main())
