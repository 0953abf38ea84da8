"""Means over groups of unequal size: every image, or every prompt, weighs the same."""

from __future__ import annotations

import torch
from torch import Tensor


def mean_of_groups(values: Tensor, groups: Tensor) -> Tensor:
    """values (n), groups (n) as indices → the mean over the groups' own means; 0 if there are none."""
    if not len(values):
        return values.sum()
    _, place = groups.unique(return_inverse=True)
    counts = torch.bincount(place).to(values.dtype)
    return (values / counts[place]).sum() / len(counts)


def masked_mean(features: Tensor, mask: Tensor) -> Tensor:
    """features (B, S, D), mask (B, S) → mean over each row's real ones (B, D), 0 for a row without any."""
    counts = mask.sum(dim=1, keepdim=True).clamp(min=1)
    return features.masked_fill(~mask[..., None], 0).sum(dim=1) / counts
