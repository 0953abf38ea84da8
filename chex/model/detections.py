"""What the model sees of an image, and what it answers: raw, normalised outputs without any target.

Letters: B images, Q prompts, M boxes per prompt, N = rows · columns patches, D width.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from torch import Tensor


@dataclass(frozen=True, slots=True)
class EncodedImages:
    """patches (B, N, D), positions (N, D), pooled (B, D)."""

    patches: Tensor
    positions: Tensor
    pooled: Tensor
    grid: tuple[int, int]

    def of(self, images: Tensor) -> EncodedImages:
        """The images at these indices."""
        return EncodedImages(self.patches[images], self.positions, self.pooled[images], self.grid)


@dataclass(frozen=True, slots=True)
class Detections:
    """boxes_cxcywh (B, Q, M, 4), scores (B, Q, M) in [0, 1], box_features (B, Q, M, D), tokens (B, Q, D)."""

    boxes_cxcywh: Tensor
    scores: Tensor
    box_features: Tensor
    tokens: Tensor

    def of(self, images: Tensor, prompts: Tensor | None = None) -> Detections:
        """Those of some images, or of (image, prompt) pairs: then the first dimension is the pair."""
        index = images if prompts is None else (images, prompts)
        return Detections(*(getattr(self, field.name)[index] for field in fields(self)))
