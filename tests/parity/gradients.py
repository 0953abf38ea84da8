"""Gradients as they were recorded: of the outputs' sum weighted by `grad_weight`, or of the loss itself."""

from __future__ import annotations

import torch
from torch import Tensor

from tests.parity.cases import Case


def differentiable(case: Case) -> dict[str, Tensor | None]:
    """The case's inputs; those whose gradient is recorded require one."""
    return {
        name: value.requires_grad_() if name in case.grads and value.is_floating_point() else value
        for name, value in case.inputs.items()
    }


def gradients(case: Case, inputs: dict[str, Tensor | None], result: Tensor) -> dict[str, tuple[Tensor | None, Tensor]]:
    """ "grads.NAME" → (ours, recorded) for every recorded gradient; None where the result does not depend on an input."""
    if not case.grads:
        return {}
    weight = inputs.get("grad_weight")
    # an infinite value has no gradient to speak of, and was left out when the numbers were recorded
    total = (result.nan_to_num(neginf=0) * weight).sum() if weight is not None else result.sum()
    asked = list(case.grads)
    found = torch.autograd.grad(total, [inputs[name] for name in asked], allow_unused=True)
    return {f"grads.{name}": (ours, case.grads[name]) for name, ours in zip(asked, found)}
