"""Focal losses, one value per probability, with a given and with the balancing α."""

from __future__ import annotations

import torch
from torch import Tensor

from chex.losses.focal import balancing_alpha, focal_losses
from tests.parity.cases import Case
from tests.parity.gradients import differentiable, gradients
from tests.parity.registry import check


@check("focal_*")
def focal(case: Case):
    inputs = differentiable(case)
    probabilities = inputs["preds"].sigmoid() if case.kwargs.get("logits") else inputs["preds"]
    positive = inputs["targets"].bool()
    alpha = balancing_alpha(positive) if case.kwargs.get("auto_weight") else case.kwargs["alpha"]
    losses = focal_losses(probabilities, positive, alpha, gamma=case.kwargs.get("gamma", 2))
    found = {"loss": (losses, case.outputs["loss"]), **gradients(case, inputs, losses)}
    if "weight_pos_neg" in case.outputs:
        found["weight_pos_neg"] = (_class_weights(positive), case.outputs["weight_pos_neg"])
    return found


def _class_weights(positive: Tensor) -> Tensor:
    """The count of all over the count of a class, positives first, from our α, each count one more than it is."""
    alpha, every = balancing_alpha(positive), positive.numel()
    return (every + 1) / (every + 2) / torch.stack([1 - alpha, alpha])
