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
    return _shown(values, np.rint(np.clip(table, 0, 1) * 255).astype(np.uint8), lowest)


def _shown(values: np.ndarray, table: np.ndarray, lowest: int) -> np.ndarray:
    """uint8 (H, W): of every value its entry in the table (N,), which begins with that of the lowest value."""
    if values.dtype.kind not in "iu" or values.itemsize > 2 or not values.dtype.isnative:
        return np.concatenate([_looked_up(table, _places(rows, lowest)) for rows in _blocks(values)])
    of_every_word = np.zeros(2 ** (8 * values.itemsize), np.uint8)
    of_every_word[np.arange(lowest, lowest + len(table))] = table  # negative values count from the end, as in a word
    return _looked_up(of_every_word, values.view(f"u{values.itemsize}"))


def _looked_up(table: np.ndarray, places: np.ndarray) -> np.ndarray:
    # numpy wants places of 8 bytes; Arrow takes them as they are, in half the time
    import pyarrow as pa
    from pyarrow.compute import take

    found = take(pa.array(table), pa.array(places.ravel()), boundscheck=False)  # all lie in the table
    return found.to_numpy().reshape(places.shape)


def _blocks(array: np.ndarray) -> Iterator[np.ndarray]:
    # their places are eight times as large: few enough rows for the processor's own memory
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
