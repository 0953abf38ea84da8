"""Gradients of a loss for our parameters beside those recorded for the authors'."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from chex.model.official.names import CHEX, translate
from tests.parity.cases import Case
from tests.parity.comparison import Compared, NotCompared
from tests.parity.full_model.recorded_model import model_of
from tests.parity.registry import Found

SELECTED = "of the parameters that the authors train, ln_pre included (note 13)"


def with_gradients(case: Case, losses: Callable[[Case], dict[str, Tensor]]) -> Found:
    """The case's losses, and the gradients of "loss" for every parameter that one is recorded for."""
    with torch.enable_grad():
        found = losses(case)
        parameters = dict(model_of(case.folder).named_parameters())
        asked = translate({name: torch.zeros(()) for name in case.extra["grad_norms"]}, CHEX).origins
        gradients = torch.autograd.grad(found["loss"], [parameters[ours] for ours in asked], allow_unused=True)
    ours = {name: torch.zeros_like(parameters[name]) if g is None else g for name, g in zip(asked, gradients)}
    squares: dict[str, float] = {}
    for name, theirs in asked.items():  # query, key and value are one parameter of theirs
        squares[theirs] = squares.get(theirs, 0.0) + ours[name].double().square().sum().item()
    norms = {name: square**0.5 for name, square in squares.items()}
    return {
        **{name: (value, case.outputs[name]) for name, value in found.items()},
        "extra.grad_norms": Compared(norms, case.extra["grad_norms"], note=SELECTED),
        "extra.frozen": NotCompared("what the authors' model was told; the gradients show what is trained"),
        **{f"grads.{name}": pair for name, pair in _full(case, ours).items()},
    }


def _full(case: Case, gradients: dict[str, Tensor]) -> dict[str, tuple[dict, dict]]:
    """The recorded gradients in our layout, by the authors' names."""
    pairs = {}
    for name, recorded in case.grads.items():
        in_our_layout = translate({name: recorded}, CHEX).weights
        pairs[name] = ({ours: gradients[ours] for ours in in_our_layout}, in_our_layout)
    return pairs
