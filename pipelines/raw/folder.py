"""A raw dataset's folder, local or remote: finds its files by name and reads its tables, and says what is missing."""

from __future__ import annotations

import gzip
import io
import os
import zlib
from collections.abc import Iterator, Sequence
from functools import cached_property

import fsspec
import pyarrow as pa

from pipelines.adapters import SourceError
from pipelines.raw.csv_tables import START, listed, parse_table, read_header, require_columns
from pipelines.stores import patiently

TABLE_LIMIT = 2**31  # bytes of a table once unpacked; ten times the largest known, a decompression bomb has more


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
            raise SourceError(f"{place}: the folder cannot be listed: {_reason(error)}") from error
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

    def columns(self, names: Sequence[str], required: Sequence[str]) -> list[str]:
        """The header of a CSV table, plain or gzipped, after a check of the whole table.

        Raises:
            SourceError: the file or a required column is missing, or it is no CSV table.
        """
        name, content = self._unpacked(names)
        header = read_header(self.uri(name), content[:START])
        require_columns(self.uri(name), header, required)
        parse_table(self.uri(name), content, header, list(dict.fromkeys(required)))
        return header

    def table(
        self, names: Sequence[str], required: Sequence[str], only: bool = True, *, may_be_empty: bool = True
    ) -> pa.Table:
        """A CSV table, plain or gzipped, every column as text with "" where empty.

        Args:
            names: possible file names, the preferred one first.
            required: columns that must be there; `only` keeps just these.
            may_be_empty: whether a header without rows will do.

        Raises:
            SourceError: the file or a required column is missing, or it is no CSV table.
        """
        name, content = self._unpacked(names)
        header = read_header(self.uri(name), content[:START])
        require_columns(self.uri(name), header, required if only else [*required, *header])
        table = parse_table(self.uri(name), content, header, list(dict.fromkeys(required)) if only else header)
        if not (len(table) or may_be_empty):
            raise SourceError(f"{self.uri(name)}: expected at least one row; found a header only")
        return table

    def text(self, name: str) -> str:
        """A text file as a whole.

        Raises:
            SourceError: the file is missing, empty or no UTF-8 text.
        """
        name, content = self._unpacked([name])
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = content[: error.start].count(b"\n") + 1
            raise SourceError(f"{self.uri(name)}: expected UTF-8 text; line {line} is none") from error
        if not text.strip() or "\0" in text:
            found = "bytes that are no text" if "\0" in text else "an empty file"
            raise SourceError(f"{self.uri(name)}: expected UTF-8 text; found {found}")
        return text

    def _unpacked(self, names: Sequence[str]) -> tuple[str, bytes]:
        """The name of the first file that is there, and what it holds, decompressed if its name says so."""
        name = self.first_of(names)
        place = self.uri(name)
        try:
            found = patiently(lambda: self._filesystem.info(place), self.root)
            if found["type"] != "file":
                kind = "a folder" if found["type"] == "directory" else "a pipe or a device"
                raise SourceError(f"{place}: expected a file; found {kind}")
            content = self.read(name) if found["size"] <= TABLE_LIMIT else b""
        except OSError as error:
            raise SourceError(f"{place}: expected a readable file; found one that is not: {_reason(error)}") from error
        if name.endswith(".gz"):
            content = _decompressed(place, content)
        if max(len(content), found["size"]) > TABLE_LIMIT:
            raise SourceError(f"{place}: expected at most {TABLE_LIMIT // 2**20} MiB, unpacked; found more")
        return name, content


def rows(table: pa.Table) -> Iterator[dict[str, str]]:
    """The rows of a table one after the other, without holding all of them as Python objects."""
    for batch in table.to_batches(max_chunksize=4096):
        yield from batch.to_pylist()


def _decompressed(place: str, content: bytes) -> bytes:
    """No more of it than TABLE_LIMIT and one byte."""
    try:
        with gzip.open(io.BytesIO(content)) as file:
            return file.read(TABLE_LIMIT + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise SourceError(f"{place}: expected a complete gzip file; found one that is not: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
