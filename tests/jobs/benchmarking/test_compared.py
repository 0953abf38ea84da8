"""Who is ahead of whom, by numbers made by hand, and the table that says it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from jobs.benchmarking.compared import DrawnSpread, Draws, Measured, compared, verdict
from jobs.benchmarking.table import as_table


def figure(value, draws, ids=("a", "b"), guess=0.1):
    draws = np.array(draws, float)
    return Measured("task", value, float(draws.std()), draws, ids, "what it is", (guess, "the mean box"))


@pytest.mark.parametrize(
    ("difference", "std", "expected"),
    [(0.2, 0.1, "ahead"), (0.1, 0.1, "level"), (-0.05, 0.1, "level"), (-0.2, 0.1, "behind"),
     (0.1, 0.0, "ahead"), (0.0, 0.0, "level"), (math.nan, 0.1, "unknown"), (0.1, math.nan, "unknown")],
)  # fmt: skip
def test_ahead_is_by_more_than_one_deviation(difference, std, expected):
    assert verdict(difference, std) == expected


def test_the_same_samples_are_compared_draw_by_draw():
    # the draws go up and down together: each alone spreads by 0.1, their difference by 0.01
    ours = figure(0.5, [0.4, 0.6, 0.41, 0.59])
    theirs = figure(0.47, [0.37, 0.57, 0.36, 0.54])
    found = ours.ahead_of(theirs)
    assert found["paired"] and found["difference"] == pytest.approx(0.03)
    assert found["difference_std"] == pytest.approx(np.std([0.03, 0.03, 0.05, 0.05])) and found["verdict"] == "ahead"


def test_other_samples_are_compared_by_their_deviations():
    ours, theirs = figure(0.5, [0.4, 0.6]), figure(0.47, [0.37, 0.57], ids=("a", "c"))
    found = ours.ahead_of(theirs)
    assert (
        not found["paired"]
        and found["difference_std"] == pytest.approx(math.hypot(0.1, 0.1))
        and found["verdict"] == "level"
    )


def test_draws_are_kept_and_the_same_for_everybody():
    values = np.array([0.0, 1.0, 2.0])

    def mean(weights):
        return weights @ values / weights.sum(axis=1)

    spread, again = Draws(200)(mean, 3), Draws(200)(mean, 3)
    assert isinstance(spread, DrawnSpread) and len(spread.values) == 200
    assert spread.std == pytest.approx(spread.values.std()) and np.array_equal(spread.values, again.values)


def results():
    ours = {
        "grounding_miou": figure(0.5, [0.45, 0.55]),
        "report_micro_f1": figure(0.3, [0.28, 0.32], guess=0.4),
        "only_ours": figure(0.9, [0.9, 0.9]),
    }
    theirs = {
        "mean-box": {"grounding_miou": figure(0.2, [0.18, 0.22])},
        "retrieval": {"report_micro_f1": figure(0.31, [0.26, 0.36])},
    }
    return compared(ours, theirs)


def test_ahead_of_all_needs_every_baseline_and_the_best_guess():
    found = results()
    assert found["grounding_miou"]["ahead_of_all"] and found["only_ours"]["ahead_of_all"]
    assert not found["report_micro_f1"]["ahead_of_all"]
    assert found["report_micro_f1"]["best_guess"]["verdict"] == "behind"
    assert found["report_micro_f1"]["baselines"]["retrieval"]["verdict"] == "level"


def test_the_table_marks_each_baseline():
    table = as_table(results(), ("mean-box", "retrieval"), ("grounding_miou", "report_micro_f1", "detection_nih8_map"))
    lines = table.splitlines()
    assert lines[0] == "| figure | samples | Chex-Ray | mean-box | retrieval | best guess | ahead of all |"
    assert lines[2] == "| grounding_miou | 2 | 0.500 ± 0.050 | 0.200 ± 0.020 ✓ | – | 0.100 ✓ | yes |"
    assert lines[3] == "| report_micro_f1 | 2 | 0.300 ± 0.020 | – | 0.310 ± 0.050 ≈ | 0.400 ✗ | no |"
    assert lines[4] == "| detection_nih8_map | 0 | not measured | – | – | – | – |"
    assert "ahead of every baseline in 1 of 3 figures" in table and "what it is" in table


def test_an_undefined_figure_is_said_to_be():
    found = compared({"x": figure(math.nan, [math.nan, math.nan])}, {"mean-box": {"x": figure(0.1, [0.1, 0.1])}})
    assert found["x"]["value"] is None and not found["x"]["ahead_of_all"]
    assert "| undefined | 0.100 ± 0.000 ? |" in as_table(found, ("mean-box",))
