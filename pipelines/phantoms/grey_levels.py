"""From the detector's 12 bits to what a screen shows: the window a technician would choose, and what it makes of pixels."""

from __future__ import annotations

import numpy as np

HIGHEST = 4095  # of 12 bits


def display_window(pixels: np.ndarray) -> tuple[float, float]:
    """(centre, width) in stored values that shows all but the darkest and brightest half percent of (H, W) pixels."""
    low, high = np.percentile(pixels, (0.5, 99.5))
    return float(round((low + high) / 2)), float(max(round(high - low), 1))


def windowed(pixels: np.ndarray, centre: float, width: float) -> np.ndarray:
    """(H, W) uint8 grey levels of a linear window, as DICOM PS3.3 C.11.2.1.2 defines it."""
    if width < 1:
        raise ValueError(f"a window is at least 1 wide; found {width}")
    shown = (pixels.astype(np.float32) - (centre - 0.5)) / max(width - 1, 1) + 0.5
    return np.round(np.clip(shown, 0, 1) * 255).astype(np.uint8)
