from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chex.metrics.overlap import Overlaps, covered_areas, region_overlaps
from chex.records import ScoredBox

SIDE = 8
PIXEL = st.integers(0, SIDE - 1)
BOXES = st.lists(
    st.tuples(PIXEL, PIXEL, st.integers(1, 4), st.integers(1, 4)).map(
        lambda b: (b[0] / SIDE, b[1] / SIDE, (b[0] + b[2]) / SIDE, (b[1] + b[3]) / SIDE)
    ),
    max_size=4,
)


def painted(boxes) -> np.ndarray:
    """The pixels of boxes whose corners lie between pixels."""
    canvas = np.zeros((2 * SIDE, 2 * SIDE), dtype=bool)
    for box in boxes:
        x_min, y_min, x_max, y_max = (round(side * SIDE) for side in box)
        canvas[y_min:y_max, x_min:x_max] = True
    return canvas


@settings(max_examples=80, deadline=None)
@given(BOXES, BOXES)
def test_areas_are_those_of_painted_pixels(boxes, targets):
    found = covered_areas([[ScoredBox(box, 0.5) for box in boxes]], [targets])
    ours, theirs = painted(boxes), painted(targets)
    assert found.intersection[0, 0] == pytest.approx((ours & theirs).sum() / SIDE**2)
    assert found.union[0, 0] == pytest.approx((ours | theirs).sum() / SIDE**2)


def test_boxes_below_the_score_are_not_there():
    boxes = [[ScoredBox((0, 0, 0.5, 1), 0.3), ScoredBox((0.5, 0, 1, 1), 0.29)]]
    assert covered_areas(boxes, [[(0, 0, 1, 1)]], least_score=0.3).micro()[0] == pytest.approx(0.5)
    assert covered_areas(boxes, [[(0, 0, 1, 1)]]).micro()[0] == pytest.approx(1.0)


def test_the_means():
    overlaps = Overlaps(np.array([[1.0, 0.0], [2.0, 1.0]]), np.array([[2.0, 0.0], [8.0, 1.0]]))
    assert overlaps.micro()[0] == pytest.approx(4 / 11)
    assert overlaps.per_region()[0] == pytest.approx([3 / 10, 1])
    assert overlaps.macro()[0] == pytest.approx(0.65)
    assert overlaps.per_image()[0] == pytest.approx((1 / 2 + 3 / 9) / 2)
    assert overlaps.per_image(np.array([[3, 1]]))[0] == pytest.approx((3 / 2 + 3 / 9) / 4)
    assert overlaps.micro(np.array([[1, 0]]))[0] == pytest.approx(0.5)


def test_what_never_occurs_is_in_no_mean():
    overlaps = Overlaps(np.zeros((2, 2)), np.array([[0.0, 0.0], [2.0, 0.0]]))
    assert np.isnan(overlaps.per_region()[0, 1]) and overlaps.macro()[0] == 0 and overlaps.per_image()[0] == 0
    assert np.isnan(Overlaps(np.zeros((1, 1)), np.zeros((1, 1))).micro()[0])
    assert np.isnan(covered_areas([], []).micro()[0])


def test_boxes_of_absent_regions():
    box, half = (0.0, 0.0, 0.4, 0.4), (0.0, 0.0, 0.2, 0.4)
    boxes, targets, present = np.array([[box, box]]), np.array([[half, box]]), np.array([[True, False]])
    assert region_overlaps(boxes, targets, present).micro()[0] == pytest.approx(0.5)
    assert region_overlaps(boxes, targets, present, absent_boxes="count").micro()[0] == pytest.approx(0.25)


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="one prediction per sentence"):
        covered_areas([[]], [])
    with pytest.raises(ValueError, match=r"\(N, R, 4\)"):
        region_overlaps(np.zeros((1, 2, 4)), np.zeros((1, 2, 4)), np.ones((2, 1), dtype=bool))
    with pytest.raises(ValueError, match='"ignore" or "count"'):
        region_overlaps(np.zeros((1, 1, 4)), np.zeros((1, 1, 4)), np.ones((1, 1), dtype=bool), "skip")
