"""The DETR-style detector: prompts to boxes, scores and one ROI token each (paper 3.1)."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from chex.model.attention import Mlp, decoder_blocks
from chex.model.detections import Detections, EncodedImages
from chex.model.roi_pool import GaussianRoiPool
from chex.model_config import DetectorConfig


class PromptDetector(nn.Module):
    """Letters: B images, Q prompts, M boxes per prompt, D width."""

    def __init__(self, config: DetectorConfig, width: int) -> None:
        super().__init__()
        self.config = config
        self.region_tokens = nn.Parameter(torch.randn(config.boxes_per_prompt, width))
        self.blocks = decoder_blocks(config, width)
        self.box_norm = nn.LayerNorm(width)
        self.box_head = Mlp(width, width, 4, dropout=config.dropout)
        self.roi_pool = GaussianRoiPool(width, beta=config.pooling_beta)
        self.skip_dropout = nn.Dropout(config.skip_dropout)
        self.output_norm = nn.LayerNorm(width)
        self.output_head = Mlp(width, 4 * width, width, dropout=config.dropout)
        self.score_head = Mlp(width, width, 1, dropout=config.dropout)

    def forward(
        self, images: EncodedImages, prompts: Tensor, mask: Tensor | None = None, *, skip: Tensor | None = None
    ) -> Detections:
        """prompts (B or 1, Q, D), mask (B, Q) True where a prompt is real → detections of B images.

        skip, broadcastable to (B, Q, M): True where the decoder's output joins the pooled feature. Without it that is
        drawn in training, and so everywhere outside of it.
        """
        decoded = self.decode(images, prompts, mask)
        # in half precision a box near the right edge would jump by whole pixels
        boxes = self.box_head(self.box_norm(decoded)).float().sigmoid()  # B Q M 4
        pooled = self.roi_pool(images.patches, boxes, images.grid)
        return self._describe(boxes, self._with_skip(pooled, decoded, skip))

    def decode(self, images: EncodedImages, prompts: Tensor, mask: Tensor | None = None) -> Tensor:
        """Prompts to decoder outputs (B, Q, M, D)."""
        x = prompts[:, :, None] + self.region_tokens  # B Q M D
        memory = images.patches + images.positions
        across = self.config.attends_to == "image"
        mask = mask[:, :, None] if mask is not None and across else None
        if self.training or mask is not None:  # each image draws its own dropout
            x = x.expand(len(memory), -1, -1, -1)
        mask = mask.expand(*x.shape[:3]) if mask is not None else None
        for block in self.blocks:
            x = block(x, memory, mask=mask, across_groups=across)
        return x

    def describe_boxes(self, images: EncodedImages, boxes_cxcywh: Tensor, prompts: Tensor | None = None) -> Detections:
        """Box queries (B, Q, 4), with or without prompts (B or 1, Q, D): pooled under the user's box (M = 1).

        The token is the box's own feature: a user's box needs no score to count. Without the skip connection there is
        no way for a prompt into it.
        """
        boxes = boxes_cxcywh[:, :, None]
        features = self.roi_pool(images.patches, boxes, images.grid)
        if prompts is not None and self.config.skip_connection:
            features = (features + self.decode(images, prompts).mean(dim=2, keepdim=True)) / 2
        described = self._describe(boxes, features)
        return replace(described, tokens=described.box_features[:, :, 0])

    def _with_skip(self, pooled: Tensor, decoded: Tensor, skip: Tensor | None) -> Tensor:
        if not self.config.skip_connection:
            return pooled
        if skip is None and not self.training:
            return (pooled + decoded) / 2
        if skip is None:
            skip = torch.rand(*pooled.shape[:2], 1, device=pooled.device) < self.config.skip_probability
        return torch.where(skip[..., None], (pooled + self.skip_dropout(decoded)) / 2, pooled)

    def _describe(self, boxes: Tensor, features: Tensor) -> Detections:
        features = self.output_head(self.output_norm(features))
        scores = self.score_head(features).squeeze(-1).float().sigmoid()  # B Q M
        return Detections(boxes, scores, features, aggregate(features, scores))


def aggregate(features: Tensor, scores: Tensor) -> Tensor:
    """The ROI token: features (…, M, D) averaged by scores (…, M), which are only ever scaled down → (…, D)."""
    weights = scores / scores.sum(dim=-1, keepdim=True).clamp(min=1)
    return (weights[..., None] * features).sum(dim=-2)
