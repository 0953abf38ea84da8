"""Tolerances: what counts as the same."""

from __future__ import annotations

import math

import pytest
import torch

from tests.parity.comparison import Compared, compare


def ok(quantity: str, ours, recorded, **options) -> bool:
    return compare("case", quantity, Compared(ours, recorded, **options)).ok


@pytest.mark.parametrize(
    ("quantity", "recorded", "off", "expected"),
    [
        ("y", 1.0, 5e-5, True),  # relative
        ("y", 1.0, 2e-4, False),
        ("y", 1e-3, 1.5e-5, True),  # absolute
        ("y", 1e-3, 3e-5, False),
        ("loss", 1.0, 5e-6, True),
        ("loss", 1.0, 2e-5, False),
        ("l_cls.box_loss", 1.0, 2e-5, False),
        ("grads.x", 1.0, 5e-5, True),
        ("grads.x", 1e-4, 5e-9, True),
        ("grads.x", 1e-4, 5e-6, False),  # small gradients are no excuse
        ("grads.x", 0.0, 5e-8, True),
    ],
)
def test_tolerances(quantity, recorded, off, expected):
    recorded = torch.tensor(recorded)
    assert ok(quantity, recorded + off, recorded) is expected


def test_every_number_must_be_close():
    recorded = torch.tensor([1000.0, 1e-3])
    assert ok("y", recorded + torch.tensor([0.05, 1e-5]), recorded)
    assert not ok("y", recorded + torch.tensor([0.0, 0.05]), recorded)


def test_whole_numbers_truths_and_words_are_exact():
    assert ok("ids", torch.tensor([1, 2]), torch.tensor([1, 2]))
    assert not ok("ids", torch.tensor([1, 3]), torch.tensor([1, 2]))
    assert not ok("matches", torch.tensor([True]), torch.tensor([False]))
    assert ok("sentences", [["a"], []], [["a"], []])
    assert not ok("sentences", [["a"], ["b"]], [["a"], []])
    row = compare("case", "sentences", Compared(["a", "b"], ["a", "c"]))
    assert not row.ok and "1 of 2 differ: ours 'b', recorded 'c'" in row.note


def test_what_is_laid_out_differently_is_not_the_same():
    assert not ok("y", torch.zeros(2), torch.zeros(2, 1))
    assert not ok("y", None, torch.zeros(1))
    assert not ok("y", torch.zeros(1), None)
    assert ok("y", None, None)
    assert not ok("norms", {"a": 1.0}, {"a": 1.0, "b": 1.0})
    assert ok("norms", {"b": 1.0, "a": 2.0}, {"a": 2.0, "b": 1.0})


def test_infinities_and_nan():
    inf, nan = torch.tensor([math.inf, 1.0]), torch.tensor([math.nan, 1.0])
    assert ok("y", inf, inf.clone()) and ok("y", nan, nan.clone())
    assert not ok("y", -inf, inf) and not ok("y", torch.ones(2), nan) and not ok("y", nan, torch.ones(2))
    assert not ok("y", torch.ones(2), inf)


def test_nothing_at_all_is_the_same_as_nothing():
    assert ok("y", torch.zeros(0, 4), torch.zeros(0, 4))
    assert not ok("y", torch.zeros(1, 4), torch.zeros(0, 4))
