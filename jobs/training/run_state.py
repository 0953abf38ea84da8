"""The state of a run: how far it is, what a checkpoint holds of it, and how it is put back."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from jobs.training.averages import Averages
from jobs.training.weight_average import WeightAverage


@dataclass(slots=True)
class Progress:
    """Where a run is. `best` is the best value of the watched figure so far, `since_best` the validations after it."""

    step: int = 0
    best: float | None = None
    since_best: int = 0
    figures: dict[str, float] = field(default_factory=dict)  # of the last validation


@dataclass(slots=True)
class RunState:
    """Everything that changes while a run goes on, but for random numbers: these are drawn from the step's number."""

    model: nn.Module
    optimizer: torch.optim.Optimizer
    average: WeightAverage | None = None
    progress: Progress = field(default_factory=Progress)
    since_logged: Averages = field(default_factory=Averages)
    frozen: int | None = None  # checksum of the weights that do not change

    def saved(self) -> dict[str, Any]:
        """As tensors and plain values."""
        self.frozen = frozen_sum(self.model) if self.frozen is None else self.frozen
        return {
            "model": trained_weights(self.model),
            "optimizer": self.optimizer.state_dict(),
            "progress": asdict(self.progress),
            "since_logged": vars(self.since_logged),
            "frozen": self.frozen,
            **({"average": self.average.state()} if self.average else {}),
        }

    def put_back(self, saved: Mapping[str, Any]) -> None:
        """Raises ValueError if it is another model's, or its frozen weights were others."""
        self.frozen = frozen_sum(self.model)
        if self.frozen != saved["frozen"]:
            raise ValueError(
                "the weights that the stage leaves alone are others than when the run began: has the model that it "
                "starts from (--init, --clip, --language-model) changed?"
            )
        load_trained(self.model, saved["model"])
        self.optimizer.load_state_dict(saved["optimizer"])
        if self.average:
            self.average.load(saved["average"])
        self.progress = Progress(**saved["progress"])
        vars(self.since_logged).update(saved["since_logged"])


def trained_weights(model: nn.Module) -> dict[str, Tensor]:
    """What changes in training: frozen weights are those the run began with, and need no place in its checkpoints."""
    frozen = {name for name, parameter in model.named_parameters() if not parameter.requires_grad}
    return {name: value for name, value in model.state_dict().items() if name not in frozen}


def load_trained(model: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Puts back what `trained_weights` gave. Raises ValueError if it was another model's."""
    wanted = trained_weights(model)
    if differing := sorted(set(weights) ^ set(wanted)):
        raise ValueError(f"a checkpoint of other weights than the stage trains: {', '.join(differing[:3])} …")
    model.load_state_dict(dict(weights), strict=False)


def frozen_sum(model: nn.Module) -> int:
    """A checksum of the weights that `trained_weights` leaves out."""
    total = 0
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            content = parameter.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
            total = zlib.crc32(content.numpy(), zlib.crc32(name.encode(), total))
    return total
