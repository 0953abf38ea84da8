"""Blocks of rows on their way to a batch: columns of equal length, the samples and, where asked for, their images."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

Block = dict[str, np.ndarray]  # "sample" (n,) of objects and "image" (n, S, S) uint8


def column(values: Iterable[Any]) -> np.ndarray:
    """Objects of any kind as a column (n,); numpy by itself would look into them."""
    listed = list(values)
    objects = np.empty(len(listed), dtype=object)
    objects[:] = listed
    return objects


def regrouped(blocks: Iterable[Block], size: int, *, drop_last: bool) -> Iterator[Block]:
    """The same rows in the same order in blocks of `size`; the last one may be smaller, unless it is dropped."""
    kept: list[Block] = []
    count = 0
    for block in blocks:
        kept.append(block)
        count += len(block["sample"])
        if count >= size:
            joined = _joined(kept)
            for start in range(0, count - size + 1, size):
                yield {name: values[start : start + size] for name, values in joined.items()}
            kept = [{name: values[count - count % size :] for name, values in joined.items()}]
            count %= size
    if count and not drop_last:
        yield _joined(kept)


def _joined(blocks: Sequence[Block]) -> Block:
    return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}
