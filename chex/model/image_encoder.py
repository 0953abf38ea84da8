"""CLIP's vision transformer, read out at every patch (paper 3.1)."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from chex.model.attention import EncoderBlock
from chex.model.detections import EncodedImages
from chex.model_config import ImageEncoderConfig


class ConvolutionalStem(nn.Module):
    """Strided 3 × 3 convolutions down to one vector per patch: learns from few images (Xiao et al. 2021)."""

    def __init__(self, channels: int, width: int, patch_size: int) -> None:
        super().__init__()
        stages = patch_size.bit_length() - 1
        widths = [channels, *(max(width >> (stages - 1 - i), 16) for i in range(stages))]
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += [nn.Conv2d(before, after, 3, stride=2, padding=1, bias=False), nn.GroupNorm(1, after), nn.GELU()]
        self.layers = nn.Sequential(*layers, nn.Conv2d(widths[-1], width, 1))

    def forward(self, images: Tensor) -> Tensor:
        return self.layers(images)


class ImageEncoder(nn.Module):
    """Images (B, S, S), normalised, to patch tokens in the space shared with text.

    Every patch token goes through the last norm and CLIP's projection; the positions are CLIP's positional embedding
    through the same projection; `pooled` is the class token likewise.
    """

    def __init__(self, config: ImageEncoderConfig) -> None:
        super().__init__()
        self.config = config
        rows = config.image_size // config.patch_size
        self.grid = (rows, rows)
        if config.stem == "convolutional":
            self.stem: nn.Module = ConvolutionalStem(config.channels, config.width, config.patch_size)
        else:
            self.stem = nn.Conv2d(config.channels, config.width, config.patch_size, config.patch_size, bias=False)
        scale = config.width**-0.5
        self.class_embedding = nn.Parameter(scale * torch.randn(config.width))
        self.positional_embedding = nn.Parameter(scale * torch.randn(rows * rows + 1, config.width))
        self.norm_before = nn.LayerNorm(config.width)
        self.blocks = nn.ModuleList(
            EncoderBlock(config.width, config.heads, activation=config.activation) for _ in range(config.layers)
        )
        self.norm_after = nn.LayerNorm(config.width)
        self.projection = nn.Parameter(scale * torch.randn(config.width, config.embedding))

    def forward(self, images: Tensor) -> EncodedImages:
        size = self.config.image_size
        if images.ndim != 3 or images.shape[1:] != (size, size):
            raise ValueError(f"images of shape (B, {size}, {size}) expected; found {tuple(images.shape)}")
        x = self.stem(images[:, None].expand(-1, self.config.channels, -1, -1))
        x = x.flatten(2).transpose(1, 2)  # B D H W -> B HW D
        x = torch.cat([self.class_embedding.to(x.dtype).expand(len(x), 1, -1), x], dim=1)
        x = self.norm_before(x + self.positional_embedding)
        for block in self.blocks:
            x = block(x)
        projected = self.norm_after(x) @ self.projection
        positions = self.positional_embedding[1:] @ self.projection
        return EncodedImages(projected[:, 1:], positions, projected[:, 0], self.grid)

    def freeze(self, layers: int) -> None:
        """The embedding and the first `layers` blocks neither learn nor run in training mode; 0 leaves all as it is."""
        if not layers:
            return
        for part in (self.stem, self.norm_before, *self.blocks[:layers]):
            part.eval().requires_grad_(False)
        self.class_embedding.requires_grad_(False)
        self.positional_embedding.requires_grad_(False)
