"""Contrasts of images with reports and of regions with sentences (paper 3.2).

Letters: B images, S sentences of an image, D width.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def clip_loss(images: Tensor, reports: Tensor, *, temperature: float = 0.2) -> Tensor:
    """Sum of both directions' InfoNCE between B image features and B report features (B, D)."""
    if not len(images):
        return images.sum() * 0
    logits = F.normalize(images, dim=-1) @ F.normalize(reports, dim=-1).T / temperature
    targets = torch.arange(len(logits), device=logits.device)
    return F.cross_entropy(logits, targets) + F.cross_entropy(logits.T, targets)


def sentence_loss(
    tokens: Tensor, sentences: Tensor, mask: Tensor, same: Tensor, *, temperature: float = 0.25
) -> Tensor:
    """Each sentence's ROI token finds its own sentence among all sentences of the batch.

    tokens and sentences (B, S, D), mask (B, S) True where a sentence is; same (n, n) for the n real sentences: True
    where two say the same to the letter, which therefore are no negatives. Every image weighs the same.
    """
    if not mask.any():
        return tokens.sum() * 0
    logits = F.normalize(tokens[mask], dim=-1) @ F.normalize(sentences[mask], dim=-1).T / temperature
    itself = torch.eye(len(logits), dtype=torch.bool, device=logits.device)
    logits = logits.masked_fill(same & ~itself, -torch.inf)
    losses = F.cross_entropy(logits, torch.arange(len(logits), device=logits.device), reduction="none")
    per_image = mask.sum(dim=1)
    weights = (1 / per_image.clamp(min=1)).repeat_interleave(per_image)
    return (losses * weights).sum() / (per_image > 0).sum()
