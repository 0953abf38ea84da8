"""How long an archive takes."""

from __future__ import annotations

import math
from dataclasses import dataclass


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
