"""The row groups of a split, from the footers of its shards: what a plan of reading is made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from pyarrow import compute

from pipelines.schema import FILE_SCHEMA
from pipelines.shards import list_shards, open_shard, partition_of
from pipelines.stores import patiently

_FILES_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Unit:
    """Rows of one row group that are read together."""

    path: str
    dataset: str
    split: str
    row_group: int
    rows: tuple[int, ...]  # positions within the row group


def units_of(uri: str, split: str, *, datasets: Iterable[str] | None = None, needs: Sequence[str] = ()) -> list[Unit]:
    """The row groups of a split, in the order of the files.

    datasets: only these (default: all). needs: names of list columns; rows in which all of them are empty are left out.
    Raises FileNotFoundError if there is no shard of the split, ValueError if one is damaged or no row is left.
    """
    if unknown := sorted(set(needs) - set(FILE_SCHEMA.names)):
        raise ValueError(f"unknown column {', '.join(unknown)}; there are {', '.join(FILE_SCHEMA.names)}")
    wanted = None if datasets is None else set(datasets)
    found = [(path, partition_of(path)["dataset"]) for path in list_shards(uri, split=split)]
    chosen = [path for path, dataset in found if wanted is None or dataset in wanted]
    with ThreadPoolExecutor(_FILES_AT_ONCE) as pool:  # a remote store answers late, but answers many at once
        read = pool.map(lambda path: patiently(lambda: _units_of_file(path, split, needs), path), chosen)
        units = [unit for found_there in read for unit in found_there]
    if not units:
        there = ", ".join(sorted({dataset for _, dataset in found})) or "none"
        asked = "any dataset" if wanted is None else ", ".join(sorted(wanted))
        filled = f" with any of {', '.join(needs)}" if needs else ""
        raise ValueError(f"no rows of {asked}{filled} in split {split!r} of {uri}; datasets with this split: {there}")
    return units


def _units_of_file(path: str, split: str, needs: Sequence[str]) -> list[Unit]:
    units = []
    with open_shard(path) as shard:
        # of a list of records, one field tells how many there are
        leaves = [shard.schema.column(index).path for index in range(len(shard.schema))]
        columns = [next(leaf for leaf in leaves if leaf.split(".")[0] == need) for need in needs]
        for group in range(shard.num_row_groups):
            rows: Iterable[int] = range(shard.metadata.row_group(group).num_rows)
            if needs:
                rows = _filled_rows(shard.read_row_group(group, columns=columns, use_threads=False))
            if rows := tuple(rows):
                units.append(Unit(path, partition_of(path)["dataset"], split, group, rows))
    return units


def _filled_rows(table: pa.Table) -> list[int]:
    filled = np.zeros(table.num_rows, bool)
    for column in table.columns:
        filled |= compute.fill_null(compute.list_value_length(column), 0).to_numpy() > 0
    return np.flatnonzero(filled).tolist()
