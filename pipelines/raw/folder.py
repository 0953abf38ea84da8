"""A raw dataset's folder, local or remote: finds its files by name and reads its tables, and says what is missing."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import BinaryIO

import fsspec
import pyarrow as pa

from pipelines.adapters import SourceError
from pipelines.raw.csv_table import CsvTable
from pipelines.raw.table_checks import listed, require_rows
from pipelines.raw.unpacked_file import open_unpacked, reason_of, unreadable
from pipelines.stores import patiently


class RawFolder:
    """The files below one root. Names are relative to the root, with forward slashes."""

    def __init__(self, root: str) -> None:
        self.root = root if "://" in root else os.path.abspath(root)

    @cached_property
    def _filesystem(self) -> fsspec.AbstractFileSystem:
        try:
            return fsspec.core.url_to_fs(self.root)[0]
        except (ValueError, ImportError) as error:
            raise SourceError(f"{self.root}: expected a folder or the URI of one: {error}") from error

    def uri(self, name: str) -> str:
        """The full path or URI of a file."""
        return f"{self.root.rstrip('/')}/{name}"

    def check(self) -> None:
        """Raise SourceError unless the root is a folder that can be listed."""
        if not self.names() and not self._filesystem.isdir(self.root):
            found = "a file" if self._filesystem.exists(self.root) else "nothing of this name"
            raise SourceError(f"{self.root}: expected a folder with the dataset's files; found {found}")

    def exists(self, name: str) -> bool:
        return self._filesystem.exists(self.uri(name))

    def read(self, name: str) -> bytes:
        """A file's bytes.

        Raises:
            FileNotFoundError: there is no such file.
        """
        return patiently(lambda: self._filesystem.cat_file(self.uri(name)), self.root)

    def size(self, name: str) -> int:
        """A file's length in bytes."""
        return patiently(lambda: self._filesystem.size(self.uri(name)), self.root)

    def read_part(self, name: str, start: int, end: int) -> bytes:
        """Bytes `start` to `end` (exclusive) of a file, fewer if it ends before."""
        return patiently(lambda: self._filesystem.cat_file(self.uri(name), start=start, end=end), self.root)

    def names(self, folder: str = "") -> list[str]:
        """The sorted names of the files and folders directly in `folder`; empty if there is no such folder.

        Raises:
            SourceError: the folder is there, but cannot be listed.
        """
        place = self.uri(folder).rstrip("/")
        try:
            entries = patiently(lambda: self._filesystem.ls(place, detail=False), self.root)
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise SourceError(f"{place}: the folder cannot be listed: {reason_of(error)}") from error
        # a file is listed as itself
        own = self._filesystem._strip_protocol(place).rstrip("/")
        return sorted(entry.rstrip("/").rsplit("/", 1)[-1] for entry in entries if entry.rstrip("/") != own)

    def first_of(self, names: Sequence[str]) -> str:
        """The first of several possible file names that is there.

        Raises:
            SourceError: none is there; names what the folder holds instead.
        """
        for name in names:
            if self.exists(name):
                return name
        folder = names[0].rpartition("/")[0]
        if found := self.names(folder):
            instead = f"{folder or 'the folder'} holds {listed(found, 8)}"
        else:
            instead = f"found {'nothing in' if self.exists(folder) else 'no folder'} {self.uri(folder)}"
        raise SourceError(f"{self.root}: expected the file {' or '.join(names)}; {instead}")

    def header(self, names: Sequence[str]) -> list[str]:
        """The column names of a CSV table, plain or gzipped; the rows are not looked at.

        Raises:
            SourceError: the file is missing, or it is no CSV table.
        """
        return self._csv_table(names).header

    def columns(self, names: Sequence[str], required: Sequence[str]) -> list[str]:
        """The header of a CSV table, plain or gzipped, after a check of the whole table.

        Raises:
            SourceError: the file or a required column is missing, or it is no CSV table.
        """
        table = self._csv_table(names)
        for _ in table.batches(list(dict.fromkeys(required))):
            pass
        return table.header

    def batches(self, names: Sequence[str], required: Sequence[str], only: bool = True) -> Iterator[pa.RecordBatch]:
        """A CSV table, plain or gzipped, some thousand rows at a time, every column as text with "" where empty.

        Args:
            names: possible file names, the preferred one first.
            required: columns that must be there; `only` keeps just these.

        Raises:
            SourceError: the file or a required column is missing, or it is no CSV table.
        """
        table = self._csv_table(names)
        return table.batches(list(dict.fromkeys(required if only else [*required, *table.header])))

    def table(
        self, names: Sequence[str], required: Sequence[str], only: bool = True, *, may_be_empty: bool = True
    ) -> pa.Table:
        """The same as a whole; `may_be_empty`: whether a header without rows will do."""
        table = pa.Table.from_batches(self.batches(names, required, only))
        if not may_be_empty:
            require_rows(self.uri(self.first_of(names)), table)
        return table

    def text(self, name: str) -> str:
        """A text file as a whole.

        Raises:
            SourceError: the file is missing, empty or no UTF-8 text.
        """
        name = self.first_of([name])
        with self._open(name) as file:
            content = file.read()
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = content[: error.start].count(b"\n") + 1
            raise SourceError(f"{self.uri(name)}: expected UTF-8 text; line {line} is none") from error
        if not text.strip() or "\0" in text:
            found = "bytes that are no text" if "\0" in text else "an empty file"
            raise SourceError(f"{self.uri(name)}: expected UTF-8 text; found {found}")
        return text

    def _csv_table(self, names: Sequence[str]) -> CsvTable:
        name = self.first_of(names)
        return CsvTable(self.uri(name), lambda: self._open(name))

    def _open(self, name: str) -> BinaryIO:
        """A file to read from its beginning, decompressed if its name says so."""
        place = self.uri(name)
        try:
            found = patiently(lambda: self._filesystem.info(place), self.root)
        except OSError as error:
            raise unreadable(place, error) from error
        if found["type"] != "file":
            kind = "a folder" if found["type"] == "directory" else "a pipe or a device"
            raise SourceError(f"{place}: expected a file; found {kind}")
        return open_unpacked(place, found["size"], lambda start, end: self.read_part(name, start, end))


def rows(table: pa.Table) -> Iterator[dict[str, str]]:
    """The rows of a table one after the other, without holding all of them as Python objects."""
    for batch in table.to_batches(max_chunksize=4096):
        yield from batch.to_pylist()
