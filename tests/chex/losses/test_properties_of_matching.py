"""Matching against scipy's assignment of plainly repeated targets, on costs of any kind."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from chex.losses.matching import assign, match

EXAMPLES = settings(max_examples=30, deadline=None, derandomize=True)


@st.composite
def costs(draw):
    predictions, targets = draw(st.integers(1, 6)), draw(st.integers(1, 7))
    generator = np.random.default_rng(draw(st.integers(0, 10_000)))
    kind = draw(st.sampled_from(["plain", "tied", "constant", "negative", "huge", "nearly equal"]))
    plain = generator.random((predictions, targets))
    steps = generator.integers(0, 4, (predictions, targets))
    return {
        "plain": plain * 10,
        "tied": steps.astype(float),
        "constant": np.full((predictions, targets), 2.5),
        "negative": plain - 5,
        "huge": plain * 1e6,
        "nearly equal": 1 + steps * 2.0**-23,  # the last bits of a float32
    }[kind].astype(np.float32)


def least_balanced_cost(costs: np.ndarray) -> float:
    """The cheapest way to take every target equally often, give or take one, without rounds or surcharges.

    Every choice of the targets that are taken once more is tried; each is an ordinary assignment.
    """
    predictions, targets = costs.shape
    often, more = divmod(predictions, targets)
    totals = []
    for chosen in itertools.combinations(range(targets), more):
        repeated = costs.astype(np.float64)[:, [*list(range(targets)) * often, *chosen]]
        totals.append(repeated[linear_sum_assignment(repeated)].sum())
    return min(totals)


@EXAMPLES
@given(costs())
def test_every_prediction_has_one_target_and_all_targets_are_taken_equally_often(costs):
    rows, columns, _ = assign(costs)
    assert rows.tolist() == list(range(len(costs)))
    counts = np.bincount(columns, minlength=costs.shape[1])
    assert counts.max() - counts.min() <= 1


@EXAMPLES
@given(costs())
@example((1 + np.array([[5, 6], [1, 7], [6, 6]]) * 2.0**-23).astype(np.float32))
def test_no_balanced_assignment_costs_less(costs):
    rows, columns, _ = assign(costs)
    assert costs.astype(np.float64)[rows, columns].sum() == pytest.approx(least_balanced_cost(costs), rel=1e-12)


@EXAMPLES
@given(costs())
def test_without_more_predictions_than_targets_it_is_scipys_assignment(costs):
    costs = costs[: costs.shape[1]]
    rows, columns, first = assign(costs)
    theirs = linear_sum_assignment(costs.astype(np.float64))
    assert costs[rows, columns].sum(dtype=np.float64) == pytest.approx(costs[theirs].sum(dtype=np.float64), rel=1e-12)
    assert first.all()  # nobody is offered twice


@EXAMPLES
@given(costs())
def test_the_first_of_each_taken_target_is_its_cheapest(costs):
    rows, columns, first = assign(costs)
    assert sorted(columns[first].tolist()) == sorted(set(columns.tolist()))
    for row, column in zip(rows[first], columns[first]):
        assert costs[row, column] == costs[rows[columns == column], column].min()


@EXAMPLES
@given(st.integers(0, 4), st.integers(1, 3), st.integers(0, 4), st.integers(0, 10_000))
def test_a_batch_is_matched_prompt_by_prompt_whatever_is_padded(prompts, predictions, targets, seed):
    generator = np.random.default_rng(seed)
    costs = generator.random((prompts, predictions, targets)).astype(np.float32)
    present = generator.random((prompts, targets)) < 0.5  # also holes, and prompts without any target
    pairs, first = match(torch.from_numpy(costs), torch.from_numpy(present))
    expected, expected_first = [], []
    for prompt in range(prompts):
        (valid,) = present[prompt].nonzero()
        rows, columns, cheapest = assign(costs[prompt][:, valid])
        expected += [[prompt, row, valid[column]] for row, column in zip(rows, columns)]
        expected_first += cheapest.tolist()
    assert pairs.shape == (len(expected), 3) and pairs.dtype == torch.long and first.dtype == torch.bool
    assert pairs.tolist() == expected and first.tolist() == expected_first


def test_matching_passes_no_gradient_and_takes_half_precision():
    costs = torch.rand(2, 3, 2, generator=torch.Generator().manual_seed(0), requires_grad=True)
    present = torch.ones(2, 2, dtype=torch.bool)
    pairs, _ = match(costs.bfloat16(), present)
    assert not pairs.requires_grad and len(pairs) == 6
