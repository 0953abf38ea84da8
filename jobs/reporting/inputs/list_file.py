"""A list of images: `.txt` with a path or URI per line, or `.csv` with a column of them; read line by line."""

from __future__ import annotations

import csv
import io
import posixpath
from collections.abc import Iterator

import fsspec

from chex.pixels.file_names import suffix_of
from jobs.reporting.inputs.spelling import one_spelling

LIST_SUFFIXES = (".txt", ".csv")
LIST_COLUMNS = ("uri", "path", "image")


def listed(filesystem: fsspec.AbstractFileSystem, path: str, address: str, uri: str) -> Iterator[str]:
    """The URIs of a list file; relative ones are relative to the folder of the list, which lies at `address`.

    Raises ValueError if a `.csv` lacks the column or the file is no text.
    """
    folder = posixpath.dirname(address)
    with filesystem.open(path, "rb") as file:
        lines = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
        try:
            for entry in _entries(lines, uri, is_table=suffix_of(path) == ".csv"):
                if entry := entry.strip():
                    absolute = "://" in entry or entry.startswith("/")
                    yield one_spelling(entry if absolute else _within(folder, entry))
        except UnicodeDecodeError as problem:
            raise ValueError(f"the list {uri} is no UTF-8 text: {problem.reason}") from problem


def _entries(lines: io.TextIOWrapper, uri: str, *, is_table: bool) -> Iterator[str]:
    if not is_table:
        yield from (line for line in lines if not line.startswith("#"))
        return
    rows = csv.DictReader(lines)
    column = next((name for name in LIST_COLUMNS if name in (rows.fieldnames or ())), None)
    if column is None:
        found = ", ".join(rows.fieldnames or ())
        raise ValueError(f"the list {uri} needs a column {' or '.join(LIST_COLUMNS)}; found {found}")
    yield from (row[column] or "" for row in rows)


def _within(folder: str, entry: str) -> str:
    """A relative entry of a list in `folder`, which may be remote."""
    scheme, separator, root = folder.rpartition("://")
    return f"{scheme}{separator}{posixpath.normpath(posixpath.join(root, entry))}"
