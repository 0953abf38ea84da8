"""How fast a report run is beside the bare model: images per second with 1 and 2 actors of each kind, time to first row.

python -m tests.benchmarks.reports [--parts 2 6] [--turns 2] [--actors 1,2]

The bare loop holds all images decoded and has the model report on them, batch after batch, on all cores; the best of
several batch sizes counts. The job reads the same images from files. Its rate is that of a run under way: the images
that a long run has more than a short one, by the time it takes longer. "first part": from the start of the job, its
Ray running already, until the first part is written. Then, what each step costs by itself, on one core.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tests.benchmarks.report_archive import phantoms, write_archive, write_pictures

GOAL = 0.95
PART = 128  # images
BATCH_SIZES = (8, 16, 32, 64)
DISTINCT = 32  # phantoms
SIDE = 256  # pixels, as converted shards have them


def bare(images: Sequence[np.ndarray]) -> tuple[float, int]:
    """Images per second of the model alone at its best batch size, and that size."""
    from chex import Chex
    from chex.embedded import phantom_folder
    from chex.inference.session import Session

    session = Session(Chex.load(phantom_folder()))
    rates = {}
    for size in BATCH_SIZES:
        session.report(images[:size])
        began = time.perf_counter()
        for start in range(0, len(images), size):
            session.report(images[start : start + size])
        rates[size] = len(images) / (time.perf_counter() - began)
    best = max(rates, key=rates.get)
    return rates[best], best


def job(archives: Sequence[Path], actors: int) -> tuple[float, float, float]:
    """Images per second of a run under way, seconds to the first part, images per second of all of the long run."""
    seconds, first = [], []
    for archive in archives:
        with tempfile.TemporaryDirectory() as output:
            began, wall = time.perf_counter(), time.time()
            write(archive, output, actors)
            seconds.append(time.perf_counter() - began)
            first.append(min(path.stat().st_mtime for path in Path(output, "parquet").iterdir()) - wall)
    short, long = (sum(1 for _ in archive.rglob("*.png")) for archive in archives)
    return (long - short) / (seconds[1] - seconds[0]), min(first), long / seconds[1]


def write(archive: Path, output: str, actors: int) -> dict:
    from chex.embedded import PHANTOM
    from jobs.reporting.config import ReportRun
    from jobs.reporting.run import write_reports

    run = ReportRun(
        PHANTOM, str(archive), output, rows_per_part=PART, detectors=actors, generators=actors, device="cpu"
    )
    return write_reports(run, show_progress=False)


def steps(archive: Path) -> dict[str, float]:
    """Seconds of one core for one image, step by step."""
    import torch

    from chex.embedded import PHANTOM
    from jobs.reporting.actors import Detector, Generator, ModelUse
    from jobs.reporting.config import ReportRun
    from jobs.reporting.planning import planned_run
    from jobs.reporting.reading import PartReader
    from jobs.reporting.writing import PartWriter

    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as output:
        plan, maker, key = planned_run(ReportRun(PHANTOM, str(archive), output, rows_per_part=PART, device="cpu"))
        use = ModelUse(PHANTOM, "cpu", maker.queries, 32, threads=1)
        made = {
            "read": PartReader(output, plan, maker.model_input),
            "detect": Detector(use),
            "generate": Generator(use),
            "write": PartWriter(output, (), maker.provenance, key),
        }
        seconds: dict[str, float] = {}
        for number in range(2):  # the first one also warms up
            passed = number
            for name, step in made.items():
                began = time.process_time()
                passed = step(passed)
                seconds[name] = (time.process_time() - began) / PART
    return seconds


def read_full_size(folder: Path) -> float:
    """Seconds of one core to read a DICOM file of the size that hospitals store."""
    from jobs.reporting.inputs import ImageReader
    from jobs.reporting.part import ModelInput
    from jobs.reporting.plan import Plan
    from jobs.reporting.reading import PartReader
    from tests.benchmarks.made_radiographs import FORMATS, made_radiograph

    file = folder / "full-size.dcm"
    file.write_bytes(FORMATS["dicom_12_bit"](made_radiograph(3)))
    step, times = PartReader("", Plan((), 0, 0), ModelInput(224, "stretch")), 4
    with ImageReader() as reader:
        step.read_image(str(file), reader.read)
        began = time.process_time()
        for _ in range(times):
            step.read_image(str(file), reader.read)
        return (time.process_time() - began) / times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parts", type=int, nargs=2, default=(2, 6), metavar=("SHORT", "LONG"))
    parser.add_argument("--turns", type=int, default=2)
    parser.add_argument("--actors", default="1,2", help="of each kind, separated by commas")
    asked = parser.parse_args()
    actors = [int(number) for number in asked.actors.split(",")]
    from jobs.cluster import ray_cluster

    ratios: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        pictures = phantoms(DISTINCT, SIDE)
        paths = write_pictures(Path(folder, "pictures"), pictures)
        archives = [write_archive(Path(folder, str(parts)), paths, parts * PART) for parts in asked.parts]
        images = [pictures[place % DISTINCT] for place in range(PART)]
        for name, value in (measured := steps(archives[0])).items():
            print(f"{name:10}{1000 * value:8.2f} ms of one core for one image")
        print(f"{'together':10}{1000 * sum(measured.values()):8.2f} ms")
        print(f"{'(read':10}{1000 * read_full_size(Path(folder)):8.2f} ms, were it DICOM of 2,500 x 3,000 pixels)")
        bare_rates: list[float] = []
        under_way: dict[int, list[float]] = {number: [] for number in actors}
        print(f"\n{'':12}{'images/s':>10}{'of bare':>10}{'first part':>12}{'with start':>12}")
        with ray_cluster(object_store_bytes=400 * 2**20):
            for _ in range(asked.turns):
                rate, size = bare(images)
                bare_rates.append(rate)
                print(f"{'bare':12}{rate:10.1f}{'':10}  batches of {size}", flush=True)
                for number in actors:
                    rate, first, whole = job(archives, number)
                    under_way[number].append(rate / bare_rates[-1])
                    print(
                        f"{f'{number} + {number} actors':12}{rate:10.1f}{under_way[number][-1]:10.2f}"
                        f"{first:10.1f} s{whole:12.1f}",
                        flush=True,
                    )
    for number in actors:
        ratios[f"{number}_actors"] = round(statistics.median(under_way[number]), 3)
    print(json.dumps({"name": "reports", "ratios": ratios, "goals": dict.fromkeys(ratios, GOAL)}))


if __name__ == "__main__":
    sys.exit(main())
