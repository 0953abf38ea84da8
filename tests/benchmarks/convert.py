"""How fast radiographs of 2,500 x 3,000 pixels are converted: on Ray with 1 and 2 cores, beside a bare loop in one process.

python -m tests.benchmarks.convert [--formats NAME,…] [--seconds 5] [--turns 2] [--quick]

"exact" is a bare loop of reading, decoding the whole picture, resizing and encoding; "same" is that loop with the
converter's own way to decode. All files lie in the memory of the operating system. What the converter gains over exact
beyond what it gains over same is the codec's, the rest is the cores'. The rates on Ray leave out the seconds in which a
conversion starts and ends, which do not grow with the images; "with start" has them.
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

from tests.benchmarks.conversion_inputs import SHARDS, Inputs, bare_exact, bare_same
from tests.benchmarks.conversion_stages import print_stages
from tests.benchmarks.made_radiographs import FORMATS
from tests.benchmarks.reduced_decoding import print_reduced

GOAL = 1.8  # two cores over the bare exact loop
_MIMIC = 377_110  # images
_COLUMNS = "exact  same  1 core  2 cores  1/exact  2/exact  goal  2/same  with start  largest difference  pixels"


@dataclass
class Rates:
    """Images per second, one entry per turn; `started` is that of two cores, start and end included."""

    exact: list[float] = field(default_factory=list)
    same: list[float] = field(default_factory=list)
    one: list[float] = field(default_factory=list)
    two: list[float] = field(default_factory=list)
    started: list[float] = field(default_factory=list)

    def over(self, name: str, base: str) -> float:
        """The median of the turns' ratios."""
        return round(statistics.median(a / b for a, b in zip(getattr(self, name), getattr(self, base))), 2)


def measure(inputs: Inputs, fixed: float, seconds: float, turns: int) -> Rates:
    """`fixed`: the seconds of `start_and_end`."""
    rates = Rates()
    for _ in range(turns):
        rates.exact.append(inputs.bare(bare_exact, seconds / 2))
        images = SHARDS * (per_shard := inputs.per_shard(2, seconds))
        spent = inputs.converted(2, per_shard)
        rates.two.append(images / (spent - fixed))
        rates.started.append(images / spent)
        rates.same.append(inputs.bare(bare_same, seconds / 2))
    images = SHARDS * (per_shard := inputs.per_shard(1, seconds))
    rates.one.append(images / (inputs.converted(1, per_shard) - fixed))
    return rates


def start_and_end(inputs: Inputs) -> float:
    """Seconds of a conversion that hardly has images, without what these take."""
    return statistics.median(inputs.converted(2, 1) for _ in range(3)) - SHARDS / (2 * inputs.rate)


def print_rates(name: str, rates: Rates, difference: tuple[int, float]) -> None:
    values = [f"{statistics.median(side):.2f}" for side in (rates.exact, rates.same, rates.one, rates.two)]
    values += [f"{ratio:.2f}" for ratio in (rates.over("one", "exact"), rates.over("two", "exact"), GOAL)]
    values += [f"{ratio:.2f}" for ratio in (rates.over("two", "same"), rates.over("started", "exact"))]
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
        jpeg.converted(2, 1)
        warm = time.perf_counter()
        fixed = start_and_end(jpeg)
        once = warm - began + fixed
        print(
            f"seconds: Ray {started - began:.1f}, its first workers {warm - started:.1f}, start and end of a conversion "
            f"{fixed:.2f}; together {once / (once + _MIMIC / (2 * jpeg.rate)):.2%} of MIMIC-CXR-JPG's {_MIMIC:,} images"
        )
        print("\nimages/s of the bare loops and of Ray, and their ratios")
        print_row("", _COLUMNS.split("  "))
        for inputs in prepared:
            rates = measure(inputs, fixed, seconds, turns)
            print_rates(inputs.name, rates, inputs.difference())
            ratios[inputs.name] = rates.over("two", "exact")
            ratios[f"{inputs.name}_1_core"] = rates.over("one", "exact")
            ratios[f"{inputs.name}_over_same"] = rates.over("two", "same")
            ratios[f"{inputs.name}_with_start"] = rates.over("started", "exact")
    return ratios


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
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        prepared = [Inputs(name, Path(folder)) for name in names]
        jpeg = next((one for one in prepared if one.name == "jpeg"), None) or Inputs("jpeg", Path(folder))
        ratios = compare(prepared, jpeg, asked.seconds, asked.turns)
        print_stages({one.name: one.dataset(one.per_shard(1, asked.seconds)) for one in prepared})
    print_reduced(names)
    print(json.dumps({"name": "convert", "ratios": ratios, "goals": dict.fromkeys(names, GOAL)}))


if __name__ == "__main__":
    sys.exit(main())
