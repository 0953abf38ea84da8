"""Focal losses, one value per probability, with a given and with the balancing α."""

from __future__ import annotations

from chex.losses.focal import balancing_alpha, focal_losses
from tests.parity.cases import Case
from tests.parity.comparison import NotCompared
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
        # α is the positives' share of the two classes' weights, each the count of all over the count of the class
        weights = case.outputs["weight_pos_neg"]
        found["weight_pos_neg"] = (_weights(positive), weights)
    return found


def _weights(positive):
    alpha = balancing_alpha(positive)
    return (positive.numel() + 1) / (positive.numel() + 2) / (1 - alpha).new_tensor([1 - alpha, alpha])
