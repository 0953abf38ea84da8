"""The formula of the cost table."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs.reporting import cost
from jobs.reporting.cost import Measured, cores_per_gpu, hours, images_per_second, tables

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


def test_the_readmes_tables_are_what_the_formula_gives():
    readme = (Path(cost.__file__).parent / "README.md").read_text(encoding="utf-8")
    for table in tables().split("\n\n"):
        assert table in readme
