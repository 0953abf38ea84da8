"""What tests.benchmarks.serve takes for the server's rate, where it is known."""

from __future__ import annotations

import pytest

from tests.benchmarks.http_load import steady_rate


@pytest.mark.parametrize("counts_from", [0.0, 4.0, 13.0])
def test_answers_in_waves(counts_from):
    """Sixteen clients are answered together, every ten seconds."""
    waves = [10.0 * number for number in range(1, 6) for _ in range(16)]
    assert steady_rate(waves, 16, counts_from, 44.0) == pytest.approx(1.6)


def test_answers_one_by_one():
    """Sixty-four clients, fifty answers a second: the first comes after 1.3 seconds, the last long after the end."""
    answers = [1.28 + number / 50 for number in range(400)]
    assert steady_rate(answers, 64, 1.0, 5.0) == pytest.approx(50)


def test_too_few_answers_are_no_rate():
    assert steady_rate([1.0], 1, 0.0, 5.0) == steady_rate([], 4, 0.0, 5.0) == 0.0
    assert steady_rate([9.0, 12.0], 1, 0.0, 5.0) == pytest.approx(1 / 3)  # beyond the end, for want of others
