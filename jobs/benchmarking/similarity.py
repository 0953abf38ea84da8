"""Maps of how much a text is like each patch of an image, and the boxes around what is like it.

Letters: N = rows · columns patches, D width.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor
from torch.nn import functional as F

from chex.boxes import xyxy_to_cxcywh
from chex.model.roi_pool import gaussian_weights
from chex.records import Box

CELLS = 64  # a map's side, for boxes finer than patches
_POOLING_BETA = 2.0  # as the contrastive stage pools


def similarity_map(patches: Tensor, text: Tensor, grid: tuple[int, int]) -> np.ndarray:
    """Cosines of patches (N, D) with a text (D), interpolated to (CELLS, CELLS)."""
    cosines = F.normalize(patches, dim=-1) @ F.normalize(text, dim=-1)
    coarse = cosines.float().reshape(1, 1, *grid)
    return F.interpolate(coarse, (CELLS, CELLS), mode="bilinear", align_corners=False)[0, 0].cpu().numpy()


def boxes_of_map(similar: np.ndarray, threshold: float) -> list[tuple[Box, float]]:
    """Boxes, relative, around the connected areas of a map (H, W) above a share of its range, most similar first.

    A box's score is the highest cosine inside, moved from [−1, 1] to [0, 1].
    """
    low, high = float(similar.min()), float(similar.max())
    areas, count = ndimage.label(similar >= low + threshold * (high - low))
    highest = ndimage.maximum(similar, areas, range(1, count + 1))
    rows, columns = similar.shape
    boxes = [
        ((x.start / columns, y.start / rows, x.stop / columns, y.stop / rows), (1 + float(score)) / 2)
        for (y, x), score in zip(ndimage.find_objects(areas), highest, strict=True)
    ]
    return sorted(boxes, key=lambda found: -found[1])


def pooled(patches: Tensor, box: Box, grid: tuple[int, int]) -> Tensor:
    """Mean patch feature (D) under a soft box, relative to the model image."""
    place = xyxy_to_cxcywh(torch.tensor(box, dtype=torch.float32, device=patches.device))
    weights = gaussian_weights(place, *grid, _POOLING_BETA)
    return (weights / weights.sum().clamp(min=1e-6)).to(patches.dtype) @ patches
