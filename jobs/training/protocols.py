"""What the training loop needs of those that take part in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from jobs.training.validation import Validated

Batch = Mapping[str, Any]


class Objective(Protocol):
    """It may also have `forget_texts(model)`, called after a state is saved: nothing that it leaves out may be kept."""

    def __call__(self, model: nn.Module, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """Named loss parts and their weighted sum under "loss"."""

    def trainable(self, model: nn.Module) -> list[Any]:
        """Groups of parameters, each of one "part" of the model. It may also count `tokens_written`."""


class Stage(Protocol):
    """What the loop needs of a stage; it may also have `pictures(model, objective, batches) -> {name: PIL image}`."""

    name: str

    def validate(
        self, model: nn.Module, objective: Objective, batches: Iterable[Batch], tasks: Sequence[str]
    ) -> Validated: ...


class Tracker(Protocol):
    """It may also take `classes(step, {figure: {class: value}})` and `pictures(step, {name: PIL image})`.

    `flush()`, where it has one, is called before a state is saved: what was said until then must not be lost with the
    process, as it will not be said again.
    """

    def metrics(self, step: int, values: Mapping[str, float]) -> None: ...
