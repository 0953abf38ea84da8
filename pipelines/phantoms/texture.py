"""Smooth random fields: tissue is nowhere even."""

from __future__ import annotations

import numpy as np


def blotches(shape: tuple[int, int], cell: float, random: np.random.Generator) -> np.ndarray:
    """Smooth noise about 0 with unit-like spread, blobs about `cell` pixels wide; (H, W) float32."""
    height, width = shape
    rows, columns = int(height / cell) + 3, int(width / cell) + 3
    coarse = random.standard_normal((rows, columns), dtype=np.float32)

    def spread(values: np.ndarray, count: int) -> np.ndarray:
        places = np.arange(count, dtype=np.float32) / np.float32(cell) + np.float32(0.5)
        low = places.astype(int)
        share = (places - low)[:, None]
        share = share * share * (3 - 2 * share)
        return values[low] * (1 - share) + values[low + 1] * share

    return spread(spread(coarse, height).T, width).T
