"""One format of radiographs, converted by a bare loop and by the converter on Ray."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing.synchronize import Barrier
from pathlib import Path

import numpy as np

from chex.pixels import decode_stored, encode_stored, read_radiograph, resize, shrunk
from pipelines.convert import ROWS_PER_SHARD, Conversion, prepare, run
from pipelines.freed_memory import keep_freed_memory
from tests.benchmarks.made_radiographs import FORMATS, made_radiograph, write_dataset

SIDE = 256
_SEEDS = (3, 5)


def bare_exact(content: bytes) -> bytes:
    """The whole picture, resized, encoded."""
    pixels = read_radiograph(content, "image").pixels
    return encode_stored(resize(pixels, *shrunk(*pixels.shape, SIDE)))


def bare_same(content: bytes) -> bytes:
    """The same as the converter does it."""
    return encode_stored(read_radiograph(content, "image", SIDE).pixels)


def loop(convert: Callable[[bytes], bytes], paths: Sequence[Path], seconds: float) -> float:
    """Images per second in this process, whole rounds through the files; it keeps freed memory as the converter's do."""
    keep_freed_memory()
    convert(paths[0].read_bytes())
    began, done = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        for path in paths:
            convert(path.read_bytes())
        done += len(paths)
    return done / (time.perf_counter() - began)


def _wait(others: Barrier) -> None:
    others.wait()


@dataclass
class Inputs:
    """The files of one format, and datasets that repeat them."""

    name: str
    folder: Path
    files: list[bytes] = field(init=False)
    paths: list[Path] = field(init=False)
    rate: float = field(init=False)  # of bare_exact, roughly
    runs: int = 0

    def __post_init__(self) -> None:
        self.files = [FORMATS[self.name](made_radiograph(seed)) for seed in _SEEDS]
        self.paths = [self.folder / f"{self.name}-file-{place}" for place in range(len(self.files))]
        for path, content in zip(self.paths, self.files, strict=True):
            path.write_bytes(content)
        self.rate = self.bare(bare_exact, 1.0)

    def bare(self, convert: Callable[[bytes], bytes], seconds: float) -> float:
        """Images per second of a loop in this process."""
        return loop(convert, self.paths, seconds)

    def side_by_side(self, convert: Callable[[bytes], bytes], seconds: float, processes: int) -> float:
        """The same of so many loops, each in a process of its own."""
        spawn = multiprocessing.get_context("spawn")
        with spawn.Pool(processes, initializer=_wait, initargs=(spawn.Barrier(processes),)) as pool:
            return sum(pool.starmap(loop, [(convert, self.paths, seconds)] * processes, chunksize=1))

    def dataset(self, shards: int, per_shard: int) -> Conversion:
        """A conversion of so many shards with so many images each."""
        images, picture = shards * per_shard, self.name == "jpeg"
        root = self.folder / f"{self.name}-{images}"
        if not root.exists():
            write_dataset(root, self.files, images, ".jpg" if picture else ".dcm")
        self.runs += 1
        return Conversion(
            sources=(("mimic-cxr-jpg" if picture else "mimic-cxr-dicom", str(root)),),
            output=str(self.folder / f"{self.name}-{self.runs}-shards"),
            image_size=SIDE,
            rows_per_shard=per_shard,
        )

    def per_shard(self, seconds: float) -> int:
        """The images of a shard as the converter makes them, or as many as a core does in that time."""
        return min(ROWS_PER_SHARD, max(1, round(self.rate * seconds)))

    def converted(self, cores: int, shards: int, per_shard: int) -> float:
        """Seconds of the converter on the Ray that is running, without listing the images.

        Raises:
            SystemExit: the shards do not hold what the bare loop gives.
        """
        from ray.data import DataContext, ExecutionResources

        DataContext.get_current().execution_options.resource_limits = ExecutionResources.for_limits(cpu=cores)
        conversion = self.dataset(shards, per_shard)
        plan = prepare(conversion)
        began = time.perf_counter()
        run(conversion, plan, progress=False)
        seconds = time.perf_counter() - began
        self._check(Path(conversion.output), plan.images.total())
        return seconds

    def _check(self, output: Path, images: int) -> None:
        import pyarrow.parquet as pq

        expected = {bare_same(content) for content in self.files}
        found = [image.as_py() for path in output.rglob("part-*") for image in pq.ParquetFile(path).read()["image"]]
        if len(found) != images or not set(found) <= expected:
            raise SystemExit(f"{self.name}: expected {images} rows with the pictures of the bare loop; found others")

    def difference(self) -> tuple[int, float]:
        """The largest difference between both bare loops in grey levels, and the share of pixels that differ."""
        pairs = [(decode_stored(bare_exact(c)).astype(int), decode_stored(bare_same(c))) for c in self.files]
        apart = np.concatenate([np.abs(exact - same).ravel() for exact, same in pairs])
        return int(apart.max()), float((apart > 0).mean())
