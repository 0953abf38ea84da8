"""Lookup tables of a DICOM header (PS3.3 C.11.1.1 and C.11.2.1.1), and what scanners write instead."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from chex.pixels.header import is_big_endian, numbers

_WORDS = 2**16


@dataclass(frozen=True, slots=True)
class LookupTable:
    """`entries` (N,) for the values from `first` on; values beyond either end get the entry of that end."""

    entries: np.ndarray
    first: int
    bits: int  # depth of the entries

    def __call__(self, values: np.ndarray) -> np.ndarray:
        place = np.rint(values) - self.first
        return self.entries[np.clip(place, 0, len(self.entries) - 1).astype(np.int64)].astype(np.float64)


def read_table(item, values: np.ndarray) -> LookupTable:
    """The table of one item of a Modality or VOI LUT Sequence.

    Args:
        item: the item, with LUT Descriptor and LUT Data.
        values: everything (N,) that the table will be asked for; tells a signed first value from an unsigned one,
            which the element's type often gets wrong.

    Raises:
        ValueError: descriptor and data are missing or contradict each other.
    """
    descriptor = numbers(item, "LUTDescriptor")
    if len(descriptor) != 3 or any(math.isnan(number) for number in descriptor):
        raise ValueError(f"a LUT Descriptor has 3 numbers, found {len(descriptor)}")
    count, first, bits = (int(number) for number in descriptor)
    count = count % _WORDS or _WORDS
    if values.min() < 0 and first >= _WORDS // 2:
        first -= _WORDS
    elif values.min() >= 0 and first < 0 and first + _WORDS <= values.max():
        first += _WORDS
    entries = _entries(item, count)
    used = int(entries.max()).bit_length()
    if used > bits or used < bits - 1:  # not the depth of the entries, as often: all would be white, or nearly black
        bits = max(used, 1)
    return LookupTable(entries, first, bits)


def _entries(item, count: int) -> np.ndarray:
    data = item.get("LUTData")
    if isinstance(data, bytes):
        words = np.frombuffer(data[: len(data) // 2 * 2], ">u2" if is_big_endian(item) else "<u2")
    else:
        words = np.array(np.atleast_1d(data if data is not None else []), dtype=np.int64)
    if len(words) >= count:
        return np.bitwise_and(words[:count], _WORDS - 1).astype(np.uint16)
    if len(words) == (count + 1) // 2:  # entries of 8 bits, two in a word
        low_first = np.bitwise_and(words, _WORDS - 1).astype("<u2")
        return low_first.view(np.uint8)[:count].astype(np.uint16)
    raise ValueError(f"its descriptor announces {count} entries, its data hold {len(words)}")
