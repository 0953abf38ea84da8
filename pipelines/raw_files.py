"""A raw dataset's folder, local or remote: finds its files by name and reads its tables, and says what is missing."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Sequence
from functools import cached_property

import fsspec
import pyarrow as pa
import pyarrow.csv

from pipelines.adapters import SourceError


class RawFolder:
    """The files below one root. Names are relative to the root, with forward slashes."""

    def __init__(self, root: str) -> None:
        self.root = root if "://" in root else os.path.abspath(root)

    @cached_property
    def _filesystem(self) -> fsspec.AbstractFileSystem:
        return fsspec.core.url_to_fs(self.root)[0]

    def uri(self, name: str) -> str:
        """The full path or URI of a file."""
        return f"{self.root.rstrip('/')}/{name}"

    def exists(self, name: str) -> bool:
        return self._filesystem.exists(self.uri(name))

    def read(self, name: str) -> bytes:
        """A file's bytes.

        Raises:
            FileNotFoundError: there is no such file.
        """
        return self._filesystem.cat_file(self.uri(name))

    def open(self, name: str) -> io.IOBase:
        """A seekable binary file, for archives that are read member by member."""
        return self._filesystem.open(self.uri(name), "rb")

    def names(self, folder: str = "") -> list[str]:
        """The sorted names of the files and folders directly in `folder`; empty if there is no such folder."""
        try:
            entries = self._filesystem.ls(self.uri(folder), detail=False)
        except (FileNotFoundError, NotADirectoryError):
            return []
        return sorted(entry.rstrip("/").rsplit("/", 1)[-1] for entry in entries)

    def first_of(self, names: Sequence[str]) -> str:
        """The first of several possible file names that is there.

        Raises:
            SourceError: none is there; names what the folder holds instead.
        """
        for name in names:
            if self.exists(name):
                return name
        folder = names[0].rpartition("/")[0]
        found = self.names(folder)
        listing = ", ".join(found[:8]) + (f" and {len(found) - 8} more" if len(found) > 8 else "")
        raise SourceError(
            f"{self.root}: expected the file {' or '.join(names)}; "
            + (f"{folder or 'the folder'} holds {listing}" if found else f"found no folder {self.uri(folder)}")
        )

    def columns(self, names: Sequence[str], required: Sequence[str]) -> list[str]:
        """The header of a CSV table, plain or gzipped, after a check; reads only the first rows.

        Raises:
            SourceError: the file or a required column is missing.
        """
        name = self.first_of(names)
        with self._filesystem.open(self.uri(name), "rb", compression="infer") as file:
            header = file.readline().decode("utf-8-sig").strip()
        if not header:
            raise SourceError(f"{self.uri(name)}: expected a CSV table; the file is empty")
        table = pa.csv.read_csv(io.BytesIO(f"{header}\n".encode()))
        self._require(name, table.column_names, required)
        return table.column_names

    def table(self, names: Sequence[str], required: Sequence[str], only: bool = True) -> pa.Table:
        """A CSV table, plain or gzipped, every column as text with "" where empty.

        Args:
            names: possible file names, the preferred one first.
            required: columns that must be there; `only` keeps just these.

        Raises:
            SourceError: the file or a required column is missing, or it is no CSV table.
        """
        header = self.columns(names, required)
        name = self.first_of(names)
        chosen = list(dict.fromkeys(required)) if only else header
        convert = pa.csv.ConvertOptions(
            include_columns=chosen, column_types=dict.fromkeys(header, pa.string()), strings_can_be_null=False
        )
        try:
            with self._filesystem.open(self.uri(name), "rb", compression="infer") as file:
                return pa.csv.read_csv(
                    file, convert_options=convert, parse_options=pa.csv.ParseOptions(newlines_in_values=True)
                )
        except (pa.ArrowInvalid, OSError, EOFError) as error:
            raise SourceError(f"{self.uri(name)}: not a readable CSV table: {error}") from error

    def _require(self, name: str, found: Sequence[str], required: Sequence[str]) -> None:
        missing = [column for column in required if column not in found]
        if missing:
            raise SourceError(
                f"{self.uri(name)}: missing column {', '.join(map(repr, missing))}; found {', '.join(found)}"
            )


def rows(table: pa.Table) -> Iterator[dict[str, str]]:
    """The rows of a table one after the other, without holding all of them as Python objects."""
    for batch in table.to_batches(max_chunksize=4096):
        yield from batch.to_pylist()
