"""How fast radiographs of 2,500 x 3,000 pixels are converted: on Ray with 1 and 2 cores, beside a bare loop in one process.

python -m tests.benchmarks.convert [--formats NAME,…] [--seconds 8] [--turns 2] [--quick]

"exact" is a bare loop of reading, decoding the whole picture, resizing and encoding; "same" is that loop with the
converter's own way to decode. All files lie in the memory of the operating system. What the converter gains over exact
beyond what it gains over same is the codec's, the rest is the cores'. The rates on Ray are those of a conversion under
way: the images that a long conversion has more than a short one, by the time it takes longer. What both spend on
starting and ending does not grow with the images; "with start" is the long one's rate with all of it. "2 loops" are two
bare exact loops beside each other, in processes of their own, over one: what the cores, which share memory, can give to
such work at all. Shards have the 256 images that the converter gives them, or fewer that take `--seconds`: between two
of them a core waits for Ray.
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

from tests.benchmarks.conversion_inputs import Inputs, bare_exact, bare_same
from tests.benchmarks.conversion_stages import print_stages
from tests.benchmarks.made_radiographs import FORMATS
from tests.benchmarks.reduced_decoding import print_reduced

GOAL = 1.8  # two cores over the bare exact loop
SHORT, LONG = 1, 4  # shards per core of the two conversions that are compared
_MIMIC = 377_110  # images
_COLUMNS = (
    "exact  same  1 core  2 cores  1/exact  2/exact  goal  2 loops  2/same  with start  largest difference  pixels"
)


@dataclass
class Rates:
    """Images per second, one entry per turn; `started` is that of two cores, start and end included."""

    exact: list[float] = field(default_factory=list)
    loops: list[float] = field(default_factory=list)
    same: list[float] = field(default_factory=list)
    one: list[float] = field(default_factory=list)
    two: list[float] = field(default_factory=list)
    started: list[float] = field(default_factory=list)

    def over(self, name: str, base: str) -> float:
        """The median of the turns' ratios."""
        return round(statistics.median(a / b for a, b in zip(getattr(self, name), getattr(self, base))), 2)


def measure(inputs: Inputs, seconds: float, turns: int) -> Rates:
    rates = Rates()
    for _ in range(turns):
        rates.exact.append(inputs.bare(bare_exact, seconds))
        rates.loops.append(inputs.side_by_side(bare_exact, seconds, 2))
        under_way, started = converter(inputs, 2, seconds)
        rates.two.append(under_way)
        rates.started.append(started)
        rates.same.append(inputs.bare(bare_same, seconds))
    rates.one.append(converter(inputs, 1, seconds)[0])
    return rates


def converter(inputs: Inputs, cores: int, seconds: float) -> tuple[float, float]:
    """Images per second of a conversion under way, and of all of one."""
    images = cores * (per_shard := inputs.per_shard(seconds))
    short, long = (inputs.converted(cores, cores * shards, per_shard) for shards in (SHORT, LONG))
    return (LONG - SHORT) * images / (long - short), LONG * images / long


def print_rates(name: str, rates: Rates, difference: tuple[int, float]) -> None:
    values = [f"{statistics.median(side):.2f}" for side in (rates.exact, rates.same, rates.one, rates.two)]
    values += [f"{ratio:.2f}" for ratio in (rates.over("one", "exact"), rates.over("two", "exact"), GOAL)]
    values += [f"{rates.over(*sides):.2f}" for sides in (("loops", "exact"), ("two", "same"), ("started", "exact"))]
    values += [str(difference[0]), f"{difference[1]:.1%}"]
    print_row(name, values)


def print_row(name: str, values: list[str]) -> None:
    titles = _COLUMNS.split("  ")
    print(f"{name:20}" + "".join(f"{value:>{len(title) + 2}}" for value, title in zip(values, titles)), flush=True)


def compare(prepared: list[Inputs], jpeg: Inputs, seconds: float, turns: int) -> dict[str, float]:
    """Start a Ray with two cores and print a row per format; returns the ratios."""
    from jobs.cluster import ray_cluster

    ratios: dict[str, float] = {}
    began = time.perf_counter()
    with ray_cluster(cpus=2, object_store_bytes=200 * 2**20):
        started = time.perf_counter()
        jpeg.converted(2, 2, 1)
        once = time.perf_counter() - began
        print(
            f"seconds: Ray {started - began:.1f}, its first workers {began + once - started:.1f}; "
            f"together {once / (once + _MIMIC / (2 * jpeg.rate)):.2%} of MIMIC-CXR-JPG's {_MIMIC:,} images"
        )
        print("\nimages/s of the bare loops and of Ray, and their ratios")
        print_row("", _COLUMNS.split("  "))
        for inputs in prepared:
            rates = measure(inputs, seconds, turns)
            print_rates(inputs.name, rates, inputs.difference())
            ratios[inputs.name] = rates.over("two", "exact")
            ratios[f"{inputs.name}_1_core"] = rates.over("one", "exact")
            ratios[f"{inputs.name}_2_loops"] = rates.over("loops", "exact")
            ratios[f"{inputs.name}_over_same"] = rates.over("two", "same")
            ratios[f"{inputs.name}_with_start"] = rates.over("started", "exact")
    return ratios


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--formats", default=",".join(FORMATS), help="separated by commas")
    parser.add_argument("--seconds", type=float, default=8.0, help="of each bare loop and, at most, of each shard")
    parser.add_argument("--turns", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="one short turn of JPEG and uncompressed DICOM")
    asked = parser.parse_args()
    if asked.quick:
        asked.formats, asked.seconds, asked.turns = "jpeg,dicom_12_bit", 2.0, 1
    names = asked.formats.split(",")
    if unknown := set(names) - set(FORMATS):
        parser.error(f"unknown formats {', '.join(sorted(unknown))}; there are: {', '.join(FORMATS)}")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        prepared = [Inputs(name, Path(folder)) for name in names]
        jpeg = next((one for one in prepared if one.name == "jpeg"), None) or Inputs("jpeg", Path(folder))
        ratios = compare(prepared, jpeg, asked.seconds, asked.turns)
        print_stages({one.name: one.dataset(2, one.per_shard(asked.seconds)) for one in prepared})
    print_reduced(names)
    print(json.dumps({"name": "convert", "ratios": ratios, "goals": dict.fromkeys(names, GOAL)}))


if __name__ == "__main__":
    sys.exit(main())
