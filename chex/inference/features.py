"""What is kept of an image once it is encoded, and what comes back for a query; both travel between processes.

Letters: N patches, D width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from chex.geometry import Frame
from chex.model.detections import EncodedImages
from chex.records import Query, ScoredBox


@dataclass(frozen=True, slots=True)
class ImageFeatures:
    """One encoded image: patches (N, D), positions (N, D), pooled (D), and how it lay in its original."""

    patches: Tensor
    positions: Tensor
    pooled: Tensor
    grid: tuple[int, int]
    frame: Frame

    def to(self, device: torch.device | str) -> ImageFeatures:
        moved = {name: getattr(self, name).to(device) for name in ("patches", "positions", "pooled")}
        return replace(self, **moved)

    def __reduce__(self) -> tuple:
        moved = (_alone(tensor) for tensor in (self.patches, self.positions, self.pooled))
        return type(self), (*moved, self.grid, self.frame)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the detector says to one query, before any sentence.

    `boxes` are relative to the original image, best first, suppressed but not thresholded; `candidates` are all boxes
    that they were chosen from, each with its own score alone (none where a box was asked about). `probabilities` are
    (finding id or label asked for, probability); `abnormal` is the probability that anything is wrong here.
    `token` (D) is the refined ROI token: what was classified, and all that the sentence generator needs.
    """

    query: Query
    boxes: tuple[ScoredBox, ...]
    probabilities: tuple[tuple[str, float], ...]
    abnormal: float
    token: Tensor
    candidates: tuple[ScoredBox, ...] = ()

    def __reduce__(self) -> tuple:
        # as an array: torch takes twenty times as long to pickle a small tensor
        token = self.token.detach().float().cpu().numpy()
        return _answer, (self.query, self.boxes, self.probabilities, self.abnormal, token, self.candidates)


def _answer(query, boxes, probabilities, abnormal, token, candidates) -> Answer:
    return Answer(query, boxes, probabilities, abnormal, torch.tensor(token), candidates)


def _alone(tensor: Tensor) -> Tensor:
    """For pickling: a view would take its whole batch along, and a GPU's tensor can only be read beside a GPU."""
    return tensor.detach().cpu().clone()


def stacked(features: Sequence[ImageFeatures], device: torch.device) -> EncodedImages:
    """Images of one model, side by side on a device."""
    return EncodedImages(
        torch.stack([f.patches for f in features]).to(device),
        features[0].positions.to(device),
        torch.stack([f.pooled for f in features]).to(device),
        features[0].grid,
    )
