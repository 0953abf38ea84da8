"""The focal loss of scores (Lin et al. 2017), its α from how rare a positive is."""

from __future__ import annotations

import torch
from torch import Tensor

SMALLEST = 1e-7  # a probability of 0 or 1 has no finite logarithm


def focal_losses(probabilities: Tensor, positive: Tensor, alpha: Tensor | float, *, gamma: float = 2.0) -> Tensor:
    """One value per probability; positive is boolean, α weighs the positives and 1 − α the others."""
    probabilities = probabilities.clamp(SMALLEST, 1 - SMALLEST)
    right = torch.where(positive, probabilities, 1 - probabilities)
    weight = torch.where(positive, alpha, 1 - alpha)
    return weight * (1 - right).pow(gamma) * -right.log()


def balancing_alpha(positive: Tensor) -> Tensor:
    """The share of the negatives, so that both classes weigh the same.

    Both count as seen once more than they are, so that a batch of one class alone still teaches.
    """
    share = (positive.sum() + 1) / (positive.numel() + 2)
    return 1 - share


def focal_loss(probabilities: Tensor, positive: Tensor, *, gamma: float = 2.0) -> Tensor:
    """Mean over all probabilities with the balancing α; 0 if there are none."""
    if not probabilities.numel():
        return probabilities.sum()
    return focal_losses(probabilities, positive, balancing_alpha(positive), gamma=gamma).mean()
