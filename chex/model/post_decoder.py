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
        return self._gated(detections.tokens, self.decode(images, detections, mask)[:, :, 0])

    def refine_boxes(
        self, images: EncodedImages, detections: Detections, mask: Tensor | None = None, *, kept: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Refined tokens (B, Q, D) and box features (B, Q, M, D)."""
        decoded = self.decode(images, detections, mask, kept=kept)
        return (
            self._gated(detections.tokens, decoded[:, :, 0]),
            self._gated(detections.box_features, decoded[:, :, 1:]),
        )

    def decode(
        self, images: EncodedImages, detections: Detections, mask: Tensor | None = None, *, kept: Tensor | None = None
    ) -> Tensor:
        """ROI tokens and box features to decoder outputs (B, Q, 1 + M, D).

        kept (B, Q, M): True where a box feature can be seen. Without it that is drawn in training, and all can be
        outside of it.
        """
        tokens = detections.tokens
        x = torch.cat([tokens[:, :, None], detections.box_features], dim=2)  # B Q 1+M D
        memory = torch.cat([images.patches + images.positions, images.pooled[:, None]], dim=1)
        across = self.config.attends_to == "image"
        visible = self._visible(x.shape[:3], x.device, kept)
        if across and mask is not None:
            visible = mask[:, :, None] & visible if visible is not None else mask[:, :, None].expand(*x.shape[:3])
        for block in self.blocks:
            x = block(x, memory, mask=visible, across_groups=across)
        return x

    def _gated(self, before: Tensor, decoded: Tensor) -> Tensor:
        return self.norm(before + self.gate * decoded)

    def _visible(self, shape: torch.Size, device: torch.device, kept: Tensor | None) -> Tensor | None:
        if kept is not None:
            return torch.cat([torch.ones_like(kept[:, :, :1]), kept], dim=2)
        if not self.training or self.config.box_drop == 0:
            return None
        visible = torch.rand(shape, device=device) >= self.config.box_drop
        visible[:, :, 0] = True  # the ROI token itself is never left out
        return visible
