"""Which of a prompt's boxes are shown, and what their scores are made of (MODEL.md §6; it differs between datasets)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from torch import Tensor

from chex.boxes import nms, union_box

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
        enough = scores >= self.least_score
        boxes_xyxy, scores = boxes_xyxy[enough], scores[enough]
        if not len(scores):
            return boxes_xyxy, scores
        if self.kept == "union":
            return union_box(boxes_xyxy)[None], scores.max()[None]
        if self.kept == "apart":
            order = nms(boxes_xyxy, scores, self.nms_iou)
        else:
            order = scores.argsort(descending=True, stable=True)
        order = order[:1] if self.kept == "best" else order
        return boxes_xyxy[order], scores[order]
