"""The rows of a window, read from its shards: row groups, never whole files, a few at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from pipelines.rows.row_groups import Unit
from pipelines.rows.training_plan import Piece, Window
from pipelines.schema import FILE_SCHEMA
from pipelines.shards import open_shard
from pipelines.stores import patiently

_AT_ONCE = 8  # row groups on their way: a remote store answers late, but answers many at once
_WITHOUT_IMAGE = [name for name in FILE_SCHEMA.names if name != "image"]


@dataclass(frozen=True, slots=True)
class StoredRow:
    """One row as it lies in a shard; `copy` counts its repetitions in an epoch."""

    values: Mapping[str, Any]
    copy: int
    unit: Unit
    number: int  # position within the row group

    @property
    def place(self) -> str:
        """Where it lies, for messages."""
        return f"{self.unit.path}, row group {self.unit.row_group}, row {self.number}"


def read_rows(window: Window, *, images: bool) -> list[StoredRow]:
    """The rows of all pieces of the window, in the order of the pieces; each row group is read once.

    images: without, the column of images is not read.

    Raises:
        ValueError: a shard is damaged; names it.
        OSError: a shard is not there or cannot be read; names it.
        StoreUnreachable: the store failed again and again.
    """
    groups: dict[tuple[str, int], list[tuple[int, Piece]]] = {}
    total = 0
    for piece in window.pieces:
        groups.setdefault((piece.unit.path, piece.unit.row_group), []).append((total, piece))
        total += len(piece.unit.rows)
    rows: list[StoredRow | None] = [None] * total
    for table, places in zip(_tables(list(groups), images), groups.values(), strict=True):
        for start, piece in places:
            unit = piece.unit
            partition = {"dataset": unit.dataset, "split": unit.split}
            taken = table if len(unit.rows) == table.num_rows else table.take(list(unit.rows))
            for offset, (number, values) in enumerate(zip(unit.rows, taken.to_pylist(), strict=True)):
                rows[start + offset] = StoredRow(values | partition, piece.copy, unit, number)
    return [row for row in rows if row is not None]


def _tables(groups: Sequence[tuple[str, int]], images: bool) -> Iterator[pa.Table]:
    def read(group: tuple[str, int]) -> pa.Table:
        path, number = group

        def read_group() -> pa.Table:
            with open_shard(path) as shard:
                return shard.read_row_group(number, columns=None if images else _WITHOUT_IMAGE, use_threads=False)

        return patiently(read_group, path)

    with ThreadPoolExecutor(min(_AT_ONCE, len(groups))) as pool:
        for start in range(0, len(groups), _AT_ONCE):
            yield from pool.map(read, groups[start : start + _AT_ONCE])
