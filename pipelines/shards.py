"""Converted shards: which files there are, and their samples one after the other, without Ray."""

from __future__ import annotations

import glob
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pyarrow as pa
import pyarrow.parquet as pq

from chex.records import Sample
from pipelines.schema import FILE_SCHEMA, PARTITION_COLUMNS, SCHEMA_VERSION, VERSION_KEY, from_row
from pipelines.stores import filesystem_of


def list_shards(uri: str, dataset: str | None = None, split: str | None = None) -> list[str]:
    """The URIs of the shards below `uri`, sorted; of one dataset or split if asked.

    Raises:
        FileNotFoundError: `uri` holds no such shard; says which datasets and splits it holds.
    """
    filesystem, root = filesystem_of(uri)
    every = sorted(filesystem.glob(f"{glob.escape(root.rstrip('/'))}/dataset=*/split=*/part-*.parquet"))
    chosen = [
        path
        for path in every
        if dataset in (None, partition_of(path)["dataset"]) and split in (None, partition_of(path)["split"])
    ]
    if not chosen:
        there = sorted({"/".join(partition_of(path).values()) for path in every})
        raise FileNotFoundError(
            f"{uri}: no shard of dataset {dataset or 'any'} and split {split or 'any'}; "
            f"there are {', '.join(there) or 'no shards at all'}"
        )
    local = "file" in filesystem.protocol
    return [path if local else filesystem.unstrip_protocol(path) for path in chosen]


def samples(uri: str, split: str, dataset: str | None = None, columns: Sequence[str] | None = None) -> Iterator[Sample]:
    """The samples of a split, row group by row group; columns that are not asked for come back empty.

    Raises:
        FileNotFoundError: there is no such shard.
        ValueError: an unknown column, a damaged file, or one of another schema version.
    """
    if columns is not None:
        unknown = sorted(set(columns) - {*FILE_SCHEMA.names, *PARTITION_COLUMNS})
        if unknown:
            raise ValueError(f"unknown column {', '.join(unknown)}; there are {', '.join(FILE_SCHEMA.names)}")
        columns = [name for name in columns if name not in PARTITION_COLUMNS]
    for path in list_shards(uri, dataset, split):
        partition = partition_of(path)
        with open_shard(path) as file:
            for group in range(file.num_row_groups):
                for row in file.read_row_group(group, columns=columns).to_pylist():
                    yield from_row({**row, **partition})


def partition_of(path: str) -> dict[str, str]:
    """{"dataset": …, "split": …} of a shard, from the folders it lies in."""
    parts = path.split("/")[-3:-1]
    return dict(part.split("=", 1) for part in parts)


@contextmanager
def open_shard(path: str) -> Iterator[pq.ParquetFile]:
    """A shard as a Parquet file, local or remote; what is read of it is checked.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is cut short, damaged, or of another version of the schema; names it.
        OSError: the file cannot be read; names it.
    """
    filesystem, file_path = filesystem_of(path)
    try:
        # Parquet asks for the parts of a file that it needs, all at once: reading further ahead would be in vain
        with (
            filesystem.open(file_path, "rb", cache_type="none") as stream,
            pq.ParquetFile(stream, pre_buffer=True, page_checksum_verification=True) as file,
        ):
            _check_version(path, file.schema_arrow)
            yield file
    except (pa.ArrowInvalid, OSError) as error:
        # Parquet itself reports damage as either; the errors of files and stores have numbers or types of their own
        if isinstance(error, pa.ArrowInvalid) or (type(error) is OSError and error.errno is None):
            message = f"{path}: expected a complete Parquet file; it is cut short or damaged: {error}"
            raise ValueError(message) from error
        if path in str(error):
            raise
        if error.errno is not None:
            raise OSError(error.errno, error.strerror, path) from error
        raise OSError(f"{path}: cannot be read: {error}") from error


def _check_version(path: str, schema: pa.Schema) -> None:
    version = (schema.metadata or {}).get(VERSION_KEY, b"").decode()
    if version != SCHEMA_VERSION:
        raise ValueError(f"{path}: expected schema version {SCHEMA_VERSION}; found {version or 'none'}")
