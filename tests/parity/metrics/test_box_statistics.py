from __future__ import annotations

import math

import pytest

from chex.records import ScoredBox
from tests.parity.metrics.box_statistics import best_scores, box_statistics

IMAGES = [
    {"a": [ScoredBox((0, 0, 0.5, 0.5), 0.9), ScoredBox((0, 0, 0.1, 0.1), 0.2)]},
    {"a": [ScoredBox((0.2, 0, 0.4, 0.5), 0.4)], "b": []},
]


def test_counts_and_areas():
    everything, per_class = box_statistics(IMAGES, ["a", "b"])
    assert everything == per_class["a"]
    assert everything.count == 1.5 and everything.area_mean == pytest.approx(0.12)
    assert (everything.area_max, everything.area_min) == pytest.approx((0.25, 0.01))
    assert per_class["b"].count == 0 and math.isnan(per_class["b"].area_mean)
    assert box_statistics([], ["a"])[0].count == 0


def test_the_best_box_says_whether_a_class_is_there():
    assert best_scores(IMAGES, ["a", "b"]).tolist() == [[0.9, 0], [0.4, 0]]
    assert best_scores(IMAGES, ["b", "a"], least_score=0.5).tolist() == [[0, 0.9], [0, 0]]
    assert best_scores([], ["a"]).shape == (0, 1)
