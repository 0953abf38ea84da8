"""The search for the choice of matches that was recorded."""

from __future__ import annotations

import itertools

import torch

from tests.parity.components.ties import closest_choice


def test_every_possible_choice_is_found_again():
    # prompt 0 gives one target three predictions, prompt 1 gives two targets two and one
    pairs = torch.tensor([[0, 0, 0], [0, 1, 0], [0, 2, 0], [1, 0, 0], [1, 1, 1], [1, 2, 0]])
    values = torch.rand(6, generator=torch.Generator().manual_seed(0))

    def loss_of(chosen: torch.Tensor) -> torch.Tensor:
        return values[chosen].sum()

    for choice in itertools.product((0, 1, 2), (3, 5), (4,)):
        expected = torch.zeros(6, dtype=torch.bool)
        expected[list(choice)] = True
        assert torch.equal(closest_choice(pairs, loss_of, loss_of(expected)), expected)
    assert closest_choice(pairs[:0], lambda chosen: torch.tensor(1.0), torch.tensor(1.0)).shape == (0,)
