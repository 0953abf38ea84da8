"""Which of a prompt's boxes are shown, and what their scores are made of (MODEL.md §6; it differs between datasets)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from chex.boxes import apart, union_box

Kept = Literal["apart", "best", "union", "all"]
Score = Literal["box_and_class", "box", "class"]


@dataclass(frozen=True, slots=True)
class BoxChoice:
    """kept: boxes that lie "apart" (non-maximum suppression at IoU `nms_iou`), the one "best", or all of them as they
    are, or in one "union" with the best one's score. score: a box's own score times the probability of its class, or one
    of the two alone. A box below `least_score` counts for nothing. ValueError for a choice that there is not.
    """

    kept: Kept = "apart"
    score: Score = "box_and_class"
    nms_iou: float = 0.25
    least_score: float = 0.0

    def __post_init__(self) -> None:
        for name, known in (("kept", Kept), ("score", Score)):
            if getattr(self, name) not in get_args(known):
                raise ValueError(f"{name}: expected one of {', '.join(get_args(known))}; found {getattr(self, name)!r}")
        for name in ("nms_iou", "least_score"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name}: expected a number in [0, 1]; found {getattr(self, name)}")

    def scores(self, boxes: Tensor, classes: Tensor) -> Tensor:
        """Scores of boxes (…, M) and probabilities of their class, broadcastable → (…, M)."""
        if self.score == "box_and_class":
            return boxes * classes
        return boxes.clone() if self.score == "box" else classes.expand_as(boxes)

    def __call__(self, boxes_xyxy: Tensor, scores: Tensor) -> tuple[Tensor, Tensor]:
        """Boxes (M, 4) of one prompt and their scores (M) → those that are kept, (k, 4) and (k), best first."""
        boxes_xyxy, scores, kept = self.among(boxes_xyxy, scores)
        return boxes_xyxy[kept], scores[kept]

    def among(self, boxes_xyxy: Tensor, scores: Tensor, own: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """The same for many prompts: boxes (…, M, 4), scores (…, M) → both best first, and (…, M) True where kept.

        own: the boxes' own scores (…, M), which decide between boxes of the same score, as all of a class have if that
        alone is their score. A union is one box, so that M becomes 1. A score below 0 marks a box that is not there.
        """
        if own is not None:
            order = own.argsort(dim=-1, descending=True, stable=True)
            boxes_xyxy = boxes_xyxy.gather(-2, order[..., None].expand_as(boxes_xyxy))
            scores = scores.gather(-1, order)
        scores, order = scores.sort(dim=-1, descending=True, stable=True)
        boxes_xyxy = boxes_xyxy.gather(-2, order[..., None].expand_as(boxes_xyxy))
        kept = scores >= self.least_score
        if self.kept == "apart":
            kept = kept & apart(boxes_xyxy, self.nms_iou)
        elif self.kept == "best":
            kept = kept & (torch.arange(kept.shape[-1], device=kept.device) == 0)
        elif self.kept == "union" and kept.shape[-1]:
            # what does not count is put where the best one is, which counts if any does
            counted = torch.where(kept[..., None], boxes_xyxy, boxes_xyxy[..., :1, :])
            boxes_xyxy, scores, kept = union_box(counted)[..., None, :], scores[..., :1], kept[..., :1]
        return boxes_xyxy, scores, kept
