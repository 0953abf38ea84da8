"""Keys and values of the words so far, as decoding needs them: they grow, and finished sentences leave."""

from __future__ import annotations

import torch
from torch import Tensor

LEAST_GROWTH = 16  # words


class KeyValueCache:
    """Letters: L layers, n sentences, H heads, d width per head.

    A layer's keys and values lie in one tensor (2, rows, H, capacity, d), of which the first `rows` of dimension 1 and
    the first `length` of dimension 3 are filled: attention reads a part of it and nothing is put together at any step.
    """

    def __init__(self, prefix: Tensor) -> None:
        """prefix (L, 2, n, H, P, d): what stands before the first word."""
        self.rows, self.length = prefix.shape[2], prefix.shape[4]
        self._layers = list(prefix)
        self._capacity = self.length

    def append(self, layer: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """One word's key and value (n, H, 1, d) → all so far, (n, H, length + 1, d) each.

        Called for every layer in turn; the last one makes the cache one word longer.
        """
        if layer == 0 and self.length == self._capacity:
            self._capacity += max(LEAST_GROWTH, self._capacity // 2)
        filled = self._layers[layer] = self._with_room(self._layers[layer])
        end = self.length + 1
        filled[0, : self.rows, :, self.length] = key[:, :, 0]
        filled[1, : self.rows, :, self.length] = value[:, :, 0]
        if layer == len(self._layers) - 1:
            self.length = end
        return filled[0, : self.rows, :, :end], filled[1, : self.rows, :, :end]

    def _with_room(self, filled: Tensor) -> Tensor:
        if filled.shape[3] == self._capacity:
            return filled
        # also the place to give back what left sentences held
        grown = filled.new_empty(2, self.rows, filled.shape[2], self._capacity, filled.shape[4])
        grown[:, :, :, : self.length] = filled[:, : self.rows, :, : self.length]
        return grown

    def keep(self, going_on: Tensor) -> Tensor:
        """going_on (n) False where a sentence leaves → the order (m) of the old rows in which the others now stand.

        The last sentences move to the places of those that left, so that only as much is copied as leaves.
        """
        rows = torch.arange(len(going_on), device=going_on.device)
        order = rows[going_on]
        left = len(order)
        gaps, movers = rows[:left][~going_on[:left]], rows[left:][going_on[left:]]
        order = rows[:left].clone()
        order[gaps] = movers
        if len(gaps):
            for filled in self._layers:
                filled[:, gaps, :, : self.length] = filled[:, movers, :, : self.length]
        self.rows = left
        return order
