"""The processes of a run: one alone, or the workers of Ray Train that keep the same weights."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, TypeVar

import torch
from torch import nn

T = TypeVar("T")


class Diverged(RuntimeError):
    """A loss or gradient was not finite, so the run was stopped; nothing was saved after the last good step."""


@dataclass(frozen=True, slots=True)
class Process:
    """This process among `size`; alone by default."""

    rank: int = 0
    size: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    @property
    def leads(self) -> bool:
        """True in the one process that validates, saves and tracks."""
        return self.rank == 0

    def wrap(self, module: nn.Module) -> nn.Module:
        """The module on the device, its gradients averaged over all processes."""
        module.to(self.device)
        if self.size == 1:
            return module
        from ray.train.torch import prepare_model

        return prepare_model(
            module,
            move_to_device=False,  # done above; on a CPU worker there is no device to move to
            parallel_strategy_kwargs={"find_unused_parameters": True},  # a batch may lack a kind of annotation
        )

    def gradients_meet(self, module: nn.Module, meet: bool) -> AbstractContextManager[None]:
        """While the block runs, gradients of the wrapped module are averaged over all processes, or only added up."""
        return nullcontext() if meet or self.size == 1 else module.no_sync()

    def stop_together(self, trouble: str | None) -> None:
        """Raises Diverged in every process if any of them is in trouble, naming all of it."""
        if self.size == 1:
            if trouble:
                raise Diverged(trouble)
            return
        flag = torch.tensor([float(trouble is not None)], device=self.device)
        torch.distributed.all_reduce(flag)
        if flag.item():
            troubles = enumerate(self.gather_objects(trouble))
            raise Diverged("; ".join(f"worker {rank}: {text}" for rank, text in troubles if text))

    def gather_objects(self, own: T) -> list[T]:
        """Every process's own value, in the order of the ranks."""
        if self.size == 1:
            return [own]
        everyone: list[Any] = [None] * self.size
        torch.distributed.all_gather_object(everyone, own)
        return everyone

    def share(self, value: float) -> float:
        """The leader's value, in every process."""
        if self.size == 1:
            return value
        tensor = torch.tensor([value], dtype=torch.float64).to(self.device)
        torch.distributed.broadcast(tensor, src=0)
        return tensor.item()


ALONE = Process()
