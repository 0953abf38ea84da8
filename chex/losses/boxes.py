"""Losses and costs of predicted boxes (paper 3.2): L1 and gIoU, and what their scores should say.

Letters: P prompts (an image's prompt each), M predicted boxes, K targets of a prompt.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from chex.boxes import cxcywh_to_xyxy, generalized_iou
from chex.losses.averaging import mean_of_groups
from chex.losses.focal import balancing_alpha, focal_losses
from chex.losses.matching import BALANCED, MatchingRule, match


@dataclass(frozen=True, slots=True)
class BoxWeights:
    l1: float = 5.0
    giou: float = 2.0
    probability: float = 1.0
    score: float = 3.0


def box_distance(predicted_cxcywh: Tensor, target_cxcywh: Tensor, weights: BoxWeights) -> Tensor:
    """l1 · L1 + giou · (1 − gIoU) of broadcastable boxes (…, 4) → (…)."""
    l1 = (predicted_cxcywh - target_cxcywh).abs().sum(dim=-1)
    giou = generalized_iou(cxcywh_to_xyxy(predicted_cxcywh), cxcywh_to_xyxy(target_cxcywh))
    return weights.l1 * l1 + weights.giou * (1 - giou)


def pathology_box_loss(
    boxes_cxcywh: Tensor, scores: Tensor, probabilities: Tensor, targets_cxcywh: Tensor, present: Tensor,
    weights: BoxWeights = BoxWeights(), *, rule: MatchingRule = BALANCED, images: Tensor | None = None,
    boxed: Tensor | None = None,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Box and score loss of prompts whose boxes are all known, also where a prompt has none.

    boxes (P, M, 4), scores (P, M), probabilities (P, M) of the prompt's class, targets (P, K, 4), present (P, K).
    The box loss is averaged over the pairs of a prompt, then over all prompts (those without a target count as 0).
    images (P): the image of each prompt; given, both are averaged over an image's prompts first, then over images.
    boxed (P): False for prompts whose boxes are not known, which only count in the class balance of the scores.
    """
    distance = box_distance(boxes_cxcywh[:, :, None], targets_cxcywh[:, None], weights)  # P M K
    pairs, first = match(matching_costs(distance, scores, probabilities, weights), present, rule)
    prompt, prediction, target = pairs.unbind(-1)
    distances = _mean_per_prompt(distance[prompt, prediction, target], prompt, len(scores))
    group = torch.arange(len(scores), device=scores.device) if images is None else images
    known = torch.ones(len(scores), dtype=torch.bool, device=scores.device) if boxed is None else boxed
    score_losses = score_loss_per_prompt(scores, pairs[first])
    return mean_of_groups(distances[known], group[known]), mean_of_groups(score_losses[known], group[known])


def matching_costs(distance: Tensor, scores: Tensor, probabilities: Tensor, weights: BoxWeights) -> Tensor:
    """Distances (P, M, K) and how little a prediction (P, M) is believed to be anything → (P, M, K)."""
    doubt = weights.probability * (1 - probabilities) + weights.score * (1 - scores)
    return (distance + doubt[:, :, None]).detach()


def score_loss_per_prompt(scores: Tensor, found: Tensor) -> Tensor:
    """Focal loss of scores (P, M), which should be high for the predictions of the pairs `found` (n, 3) alone → (P)."""
    positive = torch.zeros_like(scores, dtype=torch.bool)
    positive[found[:, 0], found[:, 1]] = True
    return focal_losses(scores, positive, balancing_alpha(positive)).mean(dim=-1)


def anatomy_box_loss(
    boxes_cxcywh: Tensor, scores: Tensor, targets_cxcywh: Tensor, present: Tensor, grouped: Tensor,
    weights: BoxWeights = BoxWeights(), *, rule: MatchingRule = BALANCED,
) -> Tensor:  # fmt: skip
    """Every box of a one-box region is pulled to the target; boxes of a grouped region are matched.

    boxes (P, M, 4), scores (P, M), targets (P, K, 4), present (P, K), grouped (P). Mean over the boxes of one-box
    regions and over whole groups: a group counts as much as one box of another region.
    """
    known = present.any(dim=1)
    if not known.any():
        return boxes_cxcywh.sum() * 0
    distance = box_distance(boxes_cxcywh[:, :, None], targets_cxcywh[:, None], weights)  # P M K
    single = distance[known & ~grouped, :, 0]
    total, groups = single.sum(), known & grouped
    if groups.any():
        doubt = weights.score * (1 - scores)
        pairs, _ = match((distance + doubt[:, :, None]).detach(), present & grouped[:, None], rule)
        prompt, prediction, target = pairs.unbind(-1)
        total = total + _mean_per_prompt(distance[prompt, prediction, target], prompt, len(scores)).sum()
    return total / (single.numel() + groups.sum())


def _mean_per_prompt(values: Tensor, prompt: Tensor, prompts: int) -> Tensor:
    """Mean over each prompt's values, 0 for a prompt without one → (prompts)."""
    counts = torch.zeros(prompts, device=values.device).index_add_(0, prompt, torch.ones_like(values))
    totals = torch.zeros(prompts, device=values.device, dtype=values.dtype).index_add_(0, prompt, values)
    return totals / counts.clamp(min=1)
