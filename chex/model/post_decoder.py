"""Lets ROI tokens look at the whole image once more before they are classified or described (paper 3.1)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from chex.model.attention import decoder_blocks
from chex.model.detections import Detections, EncodedImages
from chex.model_config import PostDecoderConfig


class PostDecoder(nn.Module):
    """The queries are the ROI token and the M box features of one prompt; the memory is the patches and the image.

    Output = norm(token + gate · decoded); the gate starts at 0, so that an untrained post decoder changes nothing but
    the norm.
    """

    def __init__(self, config: PostDecoderConfig, width: int) -> None:
        super().__init__()
        self.config = config
        self.blocks = decoder_blocks(config, width)
        self.gate = nn.Parameter(torch.zeros(1))
        self.norm = nn.LayerNorm(width)

    def forward(self, images: EncodedImages, detections: Detections, mask: Tensor | None = None) -> Tensor:
        """Detections of (B, Q) prompts, mask (B, Q) True where a prompt is real → refined tokens (B, Q, D)."""
        tokens = detections.tokens
        x = torch.cat([tokens[:, :, None], detections.box_features], dim=2)  # B Q 1+M D
        memory = torch.cat([images.patches + images.positions, images.pooled[:, None]], dim=1)
        across = self.config.attends_to == "image"
        visible = self._visible(x.shape[:3], x.device)
        if across and mask is not None:
            visible = mask[:, :, None] & visible if visible is not None else mask[:, :, None].expand(*x.shape[:3])
        for block in self.blocks:
            x = block(x, memory, mask=visible, across_groups=across)
        return self.norm(tokens + self.gate * x[:, :, 0])

    def _visible(self, shape: torch.Size, device: torch.device) -> Tensor | None:
        if not self.training or self.config.box_drop == 0:
            return None
        visible = torch.rand(shape, device=device) >= self.config.box_drop
        visible[:, :, 0] = True  # the ROI token itself is never left out
        return visible
