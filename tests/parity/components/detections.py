"""What the authors' code returns for several boxes per prompt, put together from our detections."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from chex.boxes import cxcywh_to_xyxy, union_box, xyxy_to_cxcywh
from chex.model.prompt_detector import aggregate

PRESENT = 0.5  # the score from which the authors call a box present


def as_recorded(
    boxes_cxcywh: Tensor, box_features: Tensor, mask: Tensor | None, score_of: Callable[[Tensor], Tensor]
) -> dict[str, Tensor]:
    """boxes (B, Q, M, 4), features (B, Q, M, D), mask (B, Q) True where a prompt is real, the model's score head.

    A padded prompt's boxes are not present, yet their scores count in the prompt's feature and weight (note 4).
    """
    mask = torch.ones(boxes_cxcywh.shape[:2], dtype=torch.bool) if mask is None else mask.bool()
    scores = score_of(box_features).squeeze(-1).sigmoid()
    shown = scores * mask[..., None]
    present = shown > PRESENT
    cover = xyxy_to_cxcywh(union_box(cxcywh_to_xyxy(boxes_cxcywh)))
    return {
        "box_features": aggregate(box_features, scores),
        "boxes": cover * present.any(dim=-1, keepdim=True),
        "box_mask": mask,
        "boxes_weights": aggregate(scores[..., None], scores).squeeze(-1),
        "boxes_present": present.any(dim=-1),
        "multiboxes_features": box_features,
        "multiboxes": boxes_cxcywh,
        "multiboxes_weights": shown,
        "multiboxes_present": present,
    }
