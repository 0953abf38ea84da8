"""Stored integer values to 8-bit brightness, through a table of all values that occur."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from chex.pixels.occurrences import Occurrences

LOWEST_PERCENT, HIGHEST_PERCENT = 0.5, 99.5
_ROWS_AT_ONCE = 16


def to_bytes(values: np.ndarray, brightness: Callable[[np.ndarray, Occurrences], np.ndarray]) -> np.ndarray:
    """Apply a function of the stored value to every pixel, working it out only once per value.

    Args:
        values: integers (H, W).
        brightness: (all values in the range (N,), how often each occurs) -> brightness in [0, 1] (N,).

    Returns:
        uint8 (H, W).
    """
    lowest, highest = int(values.min()), int(values.max())

    def count() -> np.ndarray:
        counts = np.zeros(highest - lowest + 1, np.int64)
        for rows in _blocks(values):
            counts += np.bincount(_places(rows, lowest).ravel(), minlength=len(counts))
        return counts

    table = brightness(np.arange(lowest, highest + 1), Occurrences(count))
    shown = np.rint(np.clip(table, 0, 1) * 255).astype(np.uint8)
    pixels = np.empty(values.shape, np.uint8)
    for rows, into in zip(_blocks(values), _blocks(pixels), strict=True):
        # all lie in the table; the other modes look each of them up twice
        np.take(shown, _places(rows, lowest), out=into, mode="clip")
    return pixels


def _blocks(array: np.ndarray) -> Iterator[np.ndarray]:
    # what numpy counts and looks up it makes eight times as large: few enough rows for the processor's own memory
    return (array[top : top + _ROWS_AT_ONCE] for top in range(0, len(array), _ROWS_AT_ONCE))


def _places(values: np.ndarray, lowest: int) -> np.ndarray:
    places = values.astype(np.intp)
    places -= lowest
    return places


def robust_range(values: np.ndarray, occurrences: np.ndarray) -> tuple[float, float]:
    """The 0.5th and 99.5th percentile of values (N,) that occur so often (N,), or all the range if these are equal."""
    order = np.argsort(values, kind="stable")
    share = np.cumsum(occurrences[order])
    if share[-1] == 0:
        return 0.0, 0.0
    low, high = (
        float(values[order][np.searchsorted(share, share[-1] * percent / 100)])
        for percent in (LOWEST_PERCENT, HIGHEST_PERCENT)
    )
    if low < high:
        return low, high
    present = values[occurrences > 0]
    return float(present.min()), float(present.max())


def stretch(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Values (N,) to [0, 1], linear between low and high; all 0 where they are equal."""
    if high <= low:
        return np.zeros(values.shape)
    return np.clip((values - low) / (high - low), 0, 1)
