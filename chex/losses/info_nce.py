"""InfoNCE with any number of right answers: the one form of every contrast with prompts.

Letters: P tokens, K prompts, D width.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def cosine_logits(tokens: Tensor, prompts: Tensor, temperature: float) -> Tensor:
    """tokens (…, D), prompts (K, D) or (…, K, D) → cosines divided by the temperature (…, K)."""
    tokens, prompts = F.normalize(tokens, dim=-1), F.normalize(prompts, dim=-1)
    if prompts.ndim == 2:
        return tokens @ prompts.T / temperature
    return torch.einsum("...d,...kd->...k", tokens, prompts) / temperature


def info_nce(logits: Tensor, right: Tensor, candidates: Tensor | None = None) -> Tensor:
    """−log of the candidates' share that falls on the right ones, averaged over those: (…, K) → (…).

    right: boolean, or how much each right one weighs (0 for a wrong one). candidates: boolean, all if None; right ones
    must be among them. Without a right one the candidates are pushed away; without a candidate the loss is 0.
    """
    logits = logits.float()  # half precision would round their differences away
    weight = right.to(logits.dtype)
    weight = weight / weight.sum(dim=-1, keepdim=True).clamp(min=1e-12)
    toward = (weight * logits).sum(dim=-1)
    if candidates is None:
        return logits.logsumexp(dim=-1) - toward
    some = candidates.any(dim=-1)
    # a row without a candidate would have the gradient of log 0
    reachable = candidates | ~some[..., None]
    return torch.where(some, logits.masked_fill(~reachable, -torch.inf).logsumexp(dim=-1) - toward, 0.0)
