"""InfoNCE between ROI tokens and the prompts that say a finding is there or is not (paper 3.2).

Letters: P tokens, C findings, D width. All similarities are cosines.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from chex.losses.averaging import mean_of_groups
from chex.losses.info_nce import cosine_logits, info_nce


def pathology_class_loss(
    tokens: Tensor, own: Tensor, values: Tensor, positive: Tensor, negative: Tensor, *, temperature: float = 0.2,
    images: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """Each prompt's token against all positive and negative prompts; its target is its own positive or negative one.

    tokens (P, D), own (P) index of the token's finding, values (P) 1 present / 0 absent / −1 unknown (left out),
    positive and negative (C, D) → mean over the known; with the image of each prompt, images (P), over those of an
    image first, then over images.
    """
    known = values >= 0
    if not known.any():
        return tokens.sum() * 0
    logits = cosine_logits(tokens[known], torch.cat([positive, negative]), temperature)  # p 2C
    targets = own[known] + torch.where(values[known] == 1, 0, len(positive))
    losses = info_nce(logits, F.one_hot(targets, logits.shape[-1]))
    return losses.mean() if images is None else mean_of_groups(losses, images[known])


def region_class_loss(
    tokens: Tensor, labels: Tensor, positive: Tensor, negative: Tensor, classes: Tensor, *, temperature: float = 0.25,
    known: Tensor | None = None, balanced: bool = True,
) -> Tensor:  # fmt: skip
    """Multi-positive InfoNCE of labelled regions: their right prompts against all of the known findings.

    tokens (P, D), labels (P, C) boolean, positive and negative (C, D), classes (c) the sub-sampled findings, known
    (P, C) boolean, all if None → mean over the regions that know any finding.
    The right prompts are the positive ones of what is there and the negative ones of what is not. What is there is
    rare: `balanced` lets both kinds count the same, which is ours; otherwise it is the plain mean, as in the paper.
    """
    if not len(tokens) or not len(classes):
        return tokens.sum() * 0
    there = labels[:, classes]
    known = torch.ones_like(there) if known is None else known[:, classes]
    logits = cosine_logits(tokens, torch.cat([positive[classes], negative[classes]]), temperature)  # P 2c
    sides = [there & known, ~there & known]
    if balanced:
        sides = [side / side.sum(dim=1, keepdim=True).clamp(min=1) for side in sides]
    losses = info_nce(logits, torch.cat(sides, dim=1), torch.cat([known, known], dim=1))
    return losses.sum() / known.any(dim=1).sum().clamp(min=1)


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
