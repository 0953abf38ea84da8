"""Boxes as tensors: formats, overlap, suppression. The only copy in the project.

`boxes_cxcywh` are (x_centre, y_centre, width, height), `boxes_xyxy` are (x_min, y_min, x_max, y_max); both relative.
"""

from __future__ import annotations

import torch
from torch import Tensor


def cxcywh_to_xyxy(boxes_cxcywh: Tensor) -> Tensor:
    """(…, 4) → (…, 4)."""
    centre, size = boxes_cxcywh[..., :2], boxes_cxcywh[..., 2:4]
    return torch.cat([centre - size / 2, centre + size / 2], dim=-1)


def xyxy_to_cxcywh(boxes_xyxy: Tensor) -> Tensor:
    """(…, 4) → (…, 4)."""
    low, high = boxes_xyxy[..., :2], boxes_xyxy[..., 2:4]
    return torch.cat([(low + high) / 2, high - low], dim=-1)


def clip(boxes_xyxy: Tensor) -> Tensor:
    """The part of each box inside the image."""
    return boxes_xyxy.clamp(0, 1)


def area(boxes_xyxy: Tensor) -> Tensor:
    """(…, 4) → (…); an inverted box has no area."""
    size = (boxes_xyxy[..., 2:4] - boxes_xyxy[..., :2]).clamp(min=0)
    return size[..., 0] * size[..., 1]


def _intersection_and_union(a_xyxy: Tensor, b_xyxy: Tensor) -> tuple[Tensor, Tensor]:
    low = torch.maximum(a_xyxy[..., :2], b_xyxy[..., :2])
    high = torch.minimum(a_xyxy[..., 2:4], b_xyxy[..., 2:4])
    intersection = area(torch.cat([low, high], dim=-1))
    return intersection, area(a_xyxy) + area(b_xyxy) - intersection


def iou(a_xyxy: Tensor, b_xyxy: Tensor) -> Tensor:
    """Intersection over union of broadcastable boxes (…, 4) → (…); 0 where both are empty."""
    intersection, union = _intersection_and_union(a_xyxy, b_xyxy)
    return intersection / union.clamp(min=1e-12)


def pairwise_iou(a_xyxy: Tensor, b_xyxy: Tensor) -> Tensor:
    """(n, 4), (m, 4) → (n, m)."""
    return iou(a_xyxy[:, None], b_xyxy[None])


def generalized_iou(a_xyxy: Tensor, b_xyxy: Tensor) -> Tensor:
    """gIoU (Rezatofighi et al. 2019) of broadcastable boxes (…, 4) → (…), in [-1, 1]; 0 for two points at one place."""
    intersection, union = _intersection_and_union(a_xyxy, b_xyxy)
    low = torch.minimum(a_xyxy[..., :2], b_xyxy[..., :2])
    high = torch.maximum(a_xyxy[..., 2:4], b_xyxy[..., 2:4])
    hull = area(torch.cat([low, high], dim=-1))
    return intersection / union.clamp(min=1e-12) - (hull - union) / hull.clamp(min=1e-12)


def scaled(boxes_xyxy: Tensor, factor: Tensor | float) -> Tensor:
    """(…, 4) → (…, 4): the sides of each box times `factor` (a number, or (…)) about its centre, cut at the image's edge.

    Annotators of different data sets draw the same finding tighter or wider. Raises ValueError for factors not above 0.
    """
    factor = torch.as_tensor(factor, dtype=boxes_xyxy.dtype, device=boxes_xyxy.device)
    if not (factor > 0).all():
        raise ValueError(f"factors of scale must be above 0; found {factor.tolist()}")
    centre, size = xyxy_to_cxcywh(boxes_xyxy).split(2, dim=-1)
    return clip(cxcywh_to_xyxy(torch.cat([centre, size * factor[..., None]], dim=-1)))


def apart(boxes_xyxy: Tensor, iou_threshold: float) -> Tensor:
    """(…, n, 4), best first → (…, n) bool: those that greedy suppression keeps, see `nms`."""
    overlaps = iou(boxes_xyxy[..., :, None, :], boxes_xyxy[..., None, :, :]) > iou_threshold
    kept = torch.ones(boxes_xyxy.shape[:-1], dtype=torch.bool, device=boxes_xyxy.device)
    for better in range(boxes_xyxy.shape[-2] - 1):
        kept[..., better + 1 :] &= ~(kept[..., better, None] & overlaps[..., better, better + 1 :])
    return kept


def nms(boxes_xyxy: Tensor, scores: Tensor, iou_threshold: float) -> Tensor:
    """Indices of the boxes kept by greedy suppression, best score first.

    boxes_xyxy (n, 4), scores (n): a box goes when it overlaps a better, kept one by more than `iou_threshold`.
    """
    if boxes_xyxy.shape[:1] != scores.shape:
        raise ValueError(f"one score per box expected; found {tuple(boxes_xyxy.shape)} and {tuple(scores.shape)}")
    order = scores.argsort(descending=True, stable=True)
    return order[apart(boxes_xyxy[order], iou_threshold)]


def union_box(boxes_xyxy: Tensor) -> Tensor:
    """(…, n, 4) → (…, 4): the smallest box around all n."""
    return torch.cat([boxes_xyxy[..., :2].amin(dim=-2), boxes_xyxy[..., 2:4].amax(dim=-2)], dim=-1)


def merge_overlapping(boxes_xyxy: Tensor, *, until_apart: bool = True) -> Tensor:
    """(n, 4) → (m, 4): boxes that overlap or touch become the smallest box around them.

    Merged boxes may meet others in turn: by default merging goes on until all lie apart, so that the order of the boxes
    does not matter but for the order of the result. Otherwise every box joins the first one it meets, once.
    """
    merged: list[Tensor] = []
    for box in boxes_xyxy:
        met = next((place for place, other in enumerate(merged) if _touch(box, other)), None)
        if met is None:
            merged.append(box)
        else:
            merged[met] = union_box(torch.stack([merged[met], box]))
    found = torch.stack(merged) if merged else boxes_xyxy
    return merge_overlapping(found) if until_apart and len(found) < len(boxes_xyxy) else found


def _touch(a_xyxy: Tensor, b_xyxy: Tensor) -> bool:
    return bool((a_xyxy[:2] <= b_xyxy[2:4]).all() and (b_xyxy[:2] <= a_xyxy[2:4]).all())
