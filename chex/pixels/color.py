"""Colour to gray: the luminance, which the eye would see."""

from __future__ import annotations

import numpy as np

_WEIGHTS = (0.299, 0.587, 0.114)  # of ITU-R BT.601, with which DICOM defines its luminance
_ROWS_AT_ONCE = 64


def luminance(values: np.ndarray, photometric: str) -> np.ndarray:
    """Integers (H, W, 3), red, green and blue or (YBR_*) luminance and chrominance, to integers (H, W)."""
    if photometric.startswith("YBR"):
        return values[..., 0]
    gray = np.empty(values.shape[:2], values.dtype)
    weights = np.array(_WEIGHTS, np.float32)
    for top in range(0, len(values), _ROWS_AT_ONCE):  # in blocks: as floats a whole picture takes four times its room
        gray[top : top + _ROWS_AT_ONCE] = np.rint(values[top : top + _ROWS_AT_ONCE] @ weights)
    return gray


def palette_brightness(dataset, every: np.ndarray) -> np.ndarray:
    """Stored values (N,) of a palette colour image to brightness (N,)."""
    from pydicom.pixels import apply_color_lut

    colors = apply_color_lut(np.clip(every, 0, None).astype(np.uint16), dataset)[..., :3]
    depth = 8 * colors.itemsize
    if colors.max() <= 255:  # entries of 8 bits in words of 16
        depth = 8
    return colors @ np.array(_WEIGHTS) / (2**depth - 1)
