"""InfoNCE between ROI tokens and the prompts that say a finding is there or is not (paper 3.2).

Letters: P tokens, C findings, D width. All similarities are cosines.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def pathology_class_loss(
    tokens: Tensor, own: Tensor, values: Tensor, positive: Tensor, negative: Tensor, *, temperature: float = 0.2
) -> Tensor:
    """Each prompt's token against all positive and negative prompts; its target is its own positive or negative one.

    tokens (P, D), own (P) index of the token's finding, values (P) 1 present / 0 absent / −1 unknown (left out),
    positive and negative (C, D) → mean over the known.
    """
    known = values >= 0
    if not known.any():
        return tokens.sum() * 0
    prompts = F.normalize(torch.cat([positive, negative]), dim=-1)  # 2C D
    logits = F.normalize(tokens[known], dim=-1) @ prompts.T / temperature
    targets = own[known] + torch.where(values[known] == 1, 0, len(positive))
    return F.cross_entropy(logits, targets)


def region_class_loss(
    tokens: Tensor, labels: Tensor, positive: Tensor, negative: Tensor, classes: Tensor, *, temperature: float = 0.25
) -> Tensor:
    """Multi-positive InfoNCE of labelled regions.

    tokens (P, D), labels (P, C) boolean, positive and negative (C, D), classes (c) the sub-sampled findings.
    The positives of a region are the positive prompts of what is there and the negative ones of what is not; both
    kinds count the same, which is ours: the paper takes the plain mean over all of them.
    """
    if not len(tokens) or not len(classes):
        return tokens.sum() * 0
    prompts = F.normalize(torch.cat([positive[classes], negative[classes]]), dim=-1)  # 2c D
    logits = F.normalize(tokens, dim=-1) @ prompts.T / temperature
    there = labels[:, classes]
    right = torch.cat([there, ~there], dim=1)
    log_share = logits.log_softmax(dim=-1)
    # what is there is rare: its prompts count as much as all that is not there
    weight = torch.cat([there / there.sum(1, keepdim=True).clamp(min=1), ~there / (~there).sum(1, keepdim=True).clamp(min=1)], dim=1)  # fmt: skip
    weight = weight * right
    return -(log_share * weight).sum(dim=1).div(weight.sum(dim=1)).mean()


def probability_loss(
    tokens: Tensor, labels: Tensor, positive: Tensor, negative: Tensor, *, temperature: float, most_weight: float = 5.0
) -> Tensor:
    """Cross-entropy of the probability that inference gives: the cosine to the positive against the negative prompt.

    tokens (P, D), labels (P, C) 1 present / 0 absent / −1 unknown (left out), positive and negative (C, D). What is
    there weighs more where it is rare, up to `most_weight` times. The paper contrasts only; this is ours.
    """
    known = labels >= 0
    if not known.any():
        return tokens.sum() * 0
    direction = F.normalize(positive, dim=-1) - F.normalize(negative, dim=-1)
    logits = (F.normalize(tokens, dim=-1) @ direction.T / temperature)[known]
    there = labels[known] == 1
    weight = ((~there).sum() / there.sum().clamp(min=1)).clamp(1.0, most_weight)
    return F.binary_cross_entropy_with_logits(logits, there.to(logits.dtype), pos_weight=weight)


def balanced_classes(labels: Tensor, wanted: int, generator: torch.Generator) -> Tensor:
    """Indices of up to `wanted` findings: those present in some region first, then absent ones. labels (P, C)."""
    if wanted >= labels.shape[1]:
        return torch.arange(labels.shape[1], device=labels.device)
    present = labels.any(dim=0).cpu()
    draw = torch.rand(labels.shape[1], generator=generator)
    # at least half of the drawn findings are present ones, where there are so many
    order = (draw + present).argsort(descending=True)
    some = order[: wanted // 2]
    rest = order[wanted // 2 :][draw[order[wanted // 2 :]].argsort(descending=True)][: wanted - len(some)]
    return torch.cat([some, rest]).sort().values.to(labels.device)
