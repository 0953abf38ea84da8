"""The formula of the cost table."""

from __future__ import annotations

import pytest

from jobs.reporting.cost import Measured, cores_per_gpu, hours, images_per_second

MEASURED = Measured(read=0.08, model=0.02, write=0.02, start=72, efficiency=0.9)


def test_on_cpus_every_core_does_everything():
    assert images_per_second(MEASURED, cores=4) == pytest.approx(0.9 * 4 / 0.12)
    assert hours(MEASURED, 1_000_000, cores=4) == pytest.approx((72 + 1e6 / 30) / 3600)


def test_on_gpus_the_slower_side_decides():
    assert images_per_second(MEASURED, cores=100, gpus=2) == pytest.approx(0.9 * 100)
    assert images_per_second(MEASURED, cores=2, gpus=2) == pytest.approx(0.9 * 20)
    enough = cores_per_gpu(MEASURED)
    assert enough == 5
    assert images_per_second(MEASURED, cores=enough, gpus=1) == images_per_second(MEASURED, cores=99, gpus=1)
