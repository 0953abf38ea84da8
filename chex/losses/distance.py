"""The squared distance of tokens to the sentences they stand for (paper 3.2)."""

from __future__ import annotations

from torch import Tensor


def squared_distance(tokens: Tensor, features: Tensor, mask: Tensor) -> Tensor:
    """Summed over D, mean over each image's real ones, then over all images: every image weighs the same.

    tokens and features (B, Q, D), mask (B, Q); an image without a real one counts as 0.
    """
    if not mask.any():
        return tokens.sum() * 0
    distances = (tokens - features).pow(2).sum(dim=-1).masked_fill(~mask, 0)
    return (distances.sum(dim=1) / mask.sum(dim=1).clamp(min=1)).mean()
