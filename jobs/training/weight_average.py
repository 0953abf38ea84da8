"""A moving average of the trained weights, which often answers better than the last ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class WeightAverage:
    """The average of a model's trainable weights over its steps, each keeping the share `decay` of the old average."""

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self._weights = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
        self._average = {name: weight.detach().clone() for name, weight in self._weights.items()}
        self._steps = 0

    @torch.no_grad()
    def update(self) -> None:
        """Takes the weights of one more step in; the first ones weigh less than `decay` says, or the start would last."""
        self._steps += 1
        decay = min(self.decay, self._steps / (self._steps + 9))
        torch._foreach_lerp_(list(self._average.values()), list(self._weights.values()), 1 - decay)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """The model has the average's weights while the block runs."""
        self.swap()
        try:
            yield
        finally:
            self.swap()

    def state(self) -> dict[str, Tensor | int]:
        return {"steps": self._steps, **{f"average.{name}": value for name, value in self._average.items()}}

    def load(self, state: Mapping[str, Tensor | int]) -> None:
        self._steps = int(state["steps"])
        for name, value in self._average.items():
            value.copy_(state[f"average.{name}"])

    @torch.no_grad()
    def swap(self) -> None:
        """The model gets the average's weights, and the average the model's."""
        for name, weight in self._weights.items():
            kept = weight.clone()
            weight.copy_(self._average[name])
            self._average[name].copy_(kept)
