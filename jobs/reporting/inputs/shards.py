"""Images in converted shards: the URI of one is SHARD#ROW_GROUP:ROW."""

from __future__ import annotations

import re
from collections.abc import Iterator

import fsspec
import pyarrow as pa

from jobs.reporting.inputs.spelling import one_spelling
from pipelines.stores import filesystem_of, patiently

_ROW = re.compile(r"\.parquet#\d{5,}:\d{5,}$")


def is_shard_row(uri: str) -> bool:
    return _ROW.search(uri) is not None


def rows_of_shard(filesystem: fsspec.AbstractFileSystem, path: str) -> Iterator[str]:
    """Raises ValueError if the file is no shard."""
    import pyarrow.parquet as pq

    def row_groups() -> list[int]:
        with filesystem.open(path, "rb") as file:
            try:
                shard = pq.ParquetFile(file)
            except pa.ArrowInvalid as problem:
                raise ValueError(f"{path} is no converted shard: {problem}") from problem
            if "image" not in shard.schema_arrow.names:
                raise ValueError(f"{path} is no converted shard: it has no column `image`")
            return [shard.metadata.row_group(index).num_rows for index in range(shard.metadata.num_row_groups)]

    address = one_spelling(filesystem.unstrip_protocol(path))
    for group, rows in enumerate(patiently(row_groups, address)):
        yield from (f"{address}#{group:05d}:{row:05d}" for row in range(rows))


class ShardRows:
    """Reads images of shards; the row group that was read last is kept, as its other rows are asked for next."""

    def __init__(self) -> None:
        self._group: tuple[str, int] | None = None
        self._images: pa.ChunkedArray | None = None

    def read(self, uri: str) -> bytes:
        """Raises OSError if there is no such shard or row."""
        import pyarrow.parquet as pq

        shard, _, place = uri.rpartition("#")
        group, row = (int(number) for number in place.split(":"))
        if self._group != (shard, group):
            filesystem, path = filesystem_of(shard)
            with filesystem.open(path, "rb") as file:
                try:
                    self._images = pq.ParquetFile(file).read_row_group(group, columns=["image"])["image"]
                except pa.ArrowException as problem:
                    raise OSError(f"the shard is damaged ({type(problem).__name__})") from problem
            self._group = shard, group
        return self._images[row].as_py()
