"""What teaches towers that start from nothing: sentences find the patches they speak of, texts stay apart. Ours."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


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
