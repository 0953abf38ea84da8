"""Rates of a run, start included and not."""

from __future__ import annotations

from jobs.reporting.pace import Pace


def test_rates_with_the_start_and_without():
    times = iter([100, 110, 112, 114, 120])
    pace = Pace(lambda: next(times))
    for _ in range(3):
        pace.add(8)
    assert pace.summary() == {
        "images": 24,
        "seconds": 20,
        "images_per_second": 1.2,
        "seconds_to_first_part": 10,
        "images_per_second_under_way": 4.0,
    }


def test_a_run_with_one_part_or_none():
    times = iter([0, 2, 4])
    pace = Pace(lambda: next(times))
    pace.add(4)
    assert pace.summary()["images_per_second_under_way"] is None
    assert Pace(lambda: 5).summary() == {
        "images": 0,
        "seconds": 0,
        "images_per_second": None,
        "seconds_to_first_part": None,
        "images_per_second_under_way": None,
    }
