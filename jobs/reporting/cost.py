"""How long an archive takes: the formula of README.md's tables, and the tables.

python -m jobs.reporting.cost
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds of one core for one image: to read it (fetch, decode, judge, resize) and to write its report.

    `model` are the seconds of one core that both halves of the model take on CPUs, or of one GPU on GPUs. `start` is
    what a run spends before the first part and after the last, and `efficiency` the share of the slower side's rate
    that a run under way reaches.
    """

    read: float
    model: float
    write: float
    start: float
    efficiency: float


def images_per_second(measured: Measured, *, cores: int, gpus: int = 0) -> float:
    """With GPUs the cores only read and write, and the slower of the two sides decides; without, they do everything."""
    around = measured.read + measured.write
    if gpus:
        return measured.efficiency * min(gpus / measured.model, cores / around)
    return measured.efficiency * cores / (around + measured.model)


def hours(measured: Measured, images: int, *, cores: int, gpus: int = 0) -> float:
    return (measured.start + images / images_per_second(measured, cores=cores, gpus=gpus)) / 3600


def cores_per_gpu(measured: Measured) -> int:
    """So many cores read and write as fast as one GPU reports."""
    return math.ceil((measured.read + measured.write) / measured.model)


IMAGES = 1_000_000
# By `tests.benchmarks.reports` on two cores, with the model that comes along and pictures of 256 pixels: processor time of
# one core; the share of the ideal rate with one actor of each kind (two reached all of it); a run's start and end.
PHANTOM = Measured(read=0.0034, model=0.0145, write=0.0002, start=12, efficiency=0.9)
FULL_SIZE = 0.030  # what reading takes instead where files are uncompressed DICOM of 2,500 x 3,000 pixels
RATES = (25, 100, 400)  # images per second of one GPU: assumed, none has been measured


def tables() -> str:
    """The two tables of README.md."""
    large = replace(PHANTOM, read=FULL_SIZE)
    lines = [
        "| cores | pictures of 256 pixels | DICOM of 2,500 × 3,000 pixels |",
        "|---|---|---|",
    ]
    for cores in (2, 16, 64, 256):
        lines.append(
            f"| {cores} | " + " | ".join(_told(hours(m, IMAGES, cores=cores)) for m in (PHANTOM, large)) + " |"
        )
    lines += [
        "",
        "| GPUs | " + " | ".join(f"{rate} images/s each" for rate in RATES) + " |",
        "|---|" + "---|" * len(RATES),
    ]
    for gpus in (1, 4, 16):
        cells = []
        for rate in RATES:
            each = replace(large, model=1 / rate)
            cores = gpus * cores_per_gpu(each)
            cells.append(
                f"{_told(hours(each, IMAGES, cores=cores, gpus=gpus))}, {cores} core{'' if cores == 1 else 's'}"
            )
        lines.append(f"| {gpus} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _told(value: float) -> str:
    return f"{value:.0f} h" if value >= 10 else f"{value:.1f} h" if value >= 1 else f"{60 * value:.0f} min"


if __name__ == "__main__":
    print(tables())
