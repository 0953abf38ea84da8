"""Contrasts between images, regions and sentences (paper 3.2), and the squared distance that replaces one of them.

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


def local_alignment(patches: Tensor, sentences: Tensor, *, temperature: float = 0.1) -> Tensor:
    """Similarity of n sentences (n, D) with B images (B, N, D): each sentence looks at the patches it fits → (n, B)."""
    patches, sentences = F.normalize(patches, dim=-1), F.normalize(sentences, dim=-1)
    similarity = torch.einsum("nd,bpd->nbp", sentences, patches)
    attention = (similarity / temperature).softmax(dim=-1)
    looked_at = torch.einsum("nbp,bpd->nbd", attention, patches)
    return torch.einsum("nd,nbd->nb", sentences, F.normalize(looked_at, dim=-1))


def alignment_loss(similarity: Tensor, fits: Tensor, *, temperature: float = 0.1) -> Tensor:
    """Both directions' multi-positive InfoNCE of similarities (n, B); fits (n, B) True where sentence and image match."""
    if not similarity.numel():
        return similarity.sum()
    logits = similarity / temperature

    def one_way(log_share: Tensor, fits: Tensor) -> Tensor:
        known = fits.any(dim=1)
        share = (log_share * fits).sum(dim=1) / fits.sum(dim=1).clamp(min=1)
        return -share[known].mean() if known.any() else log_share.sum() * 0

    return one_way(logits.log_softmax(dim=1), fits) + one_way(logits.log_softmax(dim=0).T, fits.T)


def identity_loss(first: Tensor, second: Tensor, *, temperature: float = 0.1) -> Tensor:
    """Two views (n, D) of n different texts find each other (SimCSE): keeps the texts apart from one another."""
    if not len(first):
        return first.sum() * 0
    logits = F.normalize(first, dim=-1) @ F.normalize(second, dim=-1).T / temperature
    return F.cross_entropy(logits, torch.arange(len(logits), device=logits.device))


def squared_distance(tokens: Tensor, features: Tensor, mask: Tensor) -> Tensor:
    """Summed over D, mean over each image's real ones, then over all images: every image weighs the same.

    tokens and features (B, Q, D), mask (B, Q); an image without a real one counts as 0.
    """
    if not mask.any():
        return tokens.sum() * 0
    distances = (tokens - features).pow(2).sum(dim=-1).masked_fill(~mask, 0)
    return (distances.sum(dim=1) / mask.sum(dim=1).clamp(min=1)).mean()
