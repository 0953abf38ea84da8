"""Gaussian ROI pooling: patch features under a soft box (Müller et al., 2023)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from chex.model.linear import Linear


def patch_centres(rows: int, columns: int, device: torch.device | None = None) -> tuple[Tensor, Tensor]:
    """x (columns) and y (rows) of the patch centres, relative to the image."""
    x = (torch.arange(columns, device=device, dtype=torch.float32) + 0.5) / columns
    y = (torch.arange(rows, device=device, dtype=torch.float32) + 0.5) / rows
    return x, y


def gaussian_weights(boxes_cxcywh: Tensor, rows: int, columns: int, beta: float) -> Tensor:
    """Weight of each patch for each box: (…, 4) → (…, rows · columns); the best patch of a box weighs 1."""
    x, y = patch_centres(rows, columns, boxes_cxcywh.device)
    centre_x, centre_y, width, height = boxes_cxcywh.float().unbind(-1)

    def along(axis: Tensor, centre: Tensor, extent: Tensor) -> Tensor:
        distance = (axis - centre[..., None]).abs() / extent.clamp(min=1e-6)[..., None]
        return torch.exp(-distance.pow(beta))

    weights_x, weights_y = along(x, centre_x, width), along(y, centre_y, height)
    # the maximum of a product of two axes is the product of their maxima; a box between all patches has none to speak of
    highest = weights_x.amax(dim=-1, keepdim=True) * weights_y.amax(dim=-1, keepdim=True)
    return (weights_y[..., :, None] * (weights_x / (highest + 1e-12))[..., None, :]).flatten(-2)


class GaussianRoiPool(nn.Module):
    """Projects the patches once, then sums them under each box's weights."""

    def __init__(self, width: int, *, beta: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.project = Linear(width, width)
        self.beta = beta

    def forward(self, patches: Tensor, boxes_cxcywh: Tensor, grid: tuple[int, int]) -> Tensor:
        """patches (B, rows · columns, D), boxes (B, Q, M, 4) → (B, Q, M, D)."""
        weights = gaussian_weights(boxes_cxcywh, *grid, self.beta)  # B Q M HW
        values = self.project(self.norm(patches))
        return torch.einsum("bqmp,bpd->bqmd", weights.to(values.dtype), values)
