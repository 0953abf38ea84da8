"""Counting is left undone where the ends of an image's range say enough."""

from __future__ import annotations

import numpy as np
import pytest

from chex.pixels.grayscale import to_bytes
from chex.pixels.occurrences import Occurrences

COUNTS = np.array([3, 0, 2, 0, 5])


def never() -> np.ndarray:
    raise AssertionError("counted without need")


def test_ends_that_differ_need_no_count():
    assert Occurrences(never).differ(np.array([0.0, 0, 0, 0, 1]))


@pytest.mark.parametrize(
    ("shown", "differ"),
    [([1, 0, 1, 0, 1], False), ([1, 0, 2, 0, 1], True), ([1, 1, 1, 1, 1], False)],
)
def test_only_values_that_occur_differ(shown, differ):
    assert Occurrences(lambda: COUNTS).differ(np.array(shown, dtype=float)) is differ


def test_hidden_values_do_not_count():
    ends = np.array([True, False, False, False, True])
    rest = Occurrences(lambda: COUNTS).without(ends)
    assert rest.counts.tolist() == [0, 0, 2, 0, 0]
    assert not rest.differ(np.arange(5)), "the ends, which would differ, are hidden"


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int32])
def test_every_value_is_counted_and_shown(dtype):
    values = np.random.default_rng(1).integers(0, 100, (70, 33)).astype(dtype) - (50 if dtype == np.int16 else 0)
    seen = {}

    def brightness(every, occurrences):
        seen.update(zip(every.tolist(), occurrences.counts.tolist(), strict=True))
        return (every - every[0]) / 255

    shown = to_bytes(values, brightness)
    assert (shown == values - values.min()).all()
    assert seen == {value: int((values == value).sum()) for value in range(values.min(), values.max() + 1)}
