"""Ways in which a table breaks: each takes the path of a good one and leaves a bad one there."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from pathlib import Path

from tests.pipelines.small_sources import read_table, store, table_bytes, unpacked

Change = Callable[[Path], object]


def content(change: Callable[[bytes], bytes]) -> Change:
    """Changes what the table holds, unpacked."""
    return lambda path: store(path, change(unpacked(path)))


def file(change: Callable[[bytes], bytes]) -> Change:
    """Changes the file's own bytes."""
    return lambda path: path.write_bytes(change(path.read_bytes()))


def cells(path: Path, change: Callable[[list[list[str]]], list[list[str]]]) -> None:
    """Changes the rows, the header being the first."""
    header, *rows = change(read_table(path))
    store(path, table_bytes(header, rows))


def without_column(path: Path, column: str) -> None:
    place = read_table(path)[0].index(column)
    cells(path, lambda rows: [row[:place] + row[place + 1 :] for row in rows])


def repeat_column(path: Path, column: str) -> None:
    place = read_table(path)[0].index(column)
    cells(path, lambda rows: [[*row, row[place]] for row in rows])


def set_cell(path: Path, column: str, value: str, row: int = 1) -> None:
    """Row 1 is the first after the header."""
    place = read_table(path)[0].index(column)
    cells(
        path,
        lambda rows: [
            [value if (number, at) == (row, place) else old for at, old in enumerate(cells)]
            for number, cells in enumerate(rows)
        ],
    )


def repeat_row(path: Path, column: str | None = None, value: str = "") -> None:
    """The first row once more, with another value in `column` if that is given."""
    cells(path, lambda rows: [*rows, rows[1]])
    if column is not None:
        set_cell(path, column, value, row=len(read_table(path)) - 1)


def _open_quote(text: bytes, field: int) -> bytes:
    """One more row, in which a quote opens at a field and never closes."""
    fields = [b"7"] * (text.split(b"\n", 1)[0].count(b",") + 1)
    fields[field] = b'"7'
    return text + b",".join(fields) + b"\n"


def _folder_instead(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _loop_instead(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.name)


def _pipe_instead(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _with_a_remark(text: bytes) -> bytes:
    header, *rows = text.rstrip(b"\n").split(b"\n")
    return b"\n".join([header + b",remark", *(row + b',"two\nlines, ""quoted"""' for row in rows)])


REFUSED: dict[str, tuple[Change, str]] = {  # what it is: how, and what the message has to say beside the file's name
    "missing": (Path.unlink, "expected the file"),
    "empty": (content(lambda text: b""), "expected .*empty"),
    "a folder": (_folder_instead, "expected a file; found a folder"),
    "a loop of links": (_loop_instead, "expected the file"),
    "a pipe": (_pipe_instead, "expected a file; found a pipe or a device"),
    "UTF-16": (content(lambda text: text.decode().encode("utf-16")), "expected .*UTF-8 text"),
    "UTF-16 without a mark": (content(lambda text: text.decode().encode("utf-16-le")), "expected .*UTF-8 text"),
    "a workbook": (content(lambda text: b"PK\x03\x04" + bytes(200)), "expected .*UTF-8 text"),
    "semicolons": (content(lambda text: text.replace(b",", b";")), "';', expected commas"),
    "tabs": (content(lambda text: text.replace(b",", b"\t")), r"'\\t', expected commas"),
    "no header": (content(lambda text: text.partition(b"\n")[2]), "missing column"),
    "half a line more": (content(lambda text: text + b"x\n"), r"expected \d+ columns in every row; found 1 in line"),
    "an open quote": (content(lambda text: _open_quote(text, 0)), "columns in every row|end of data"),
    "an open quote at the end": (content(lambda text: _open_quote(text, -1)), "end of data"),
}
REFUSED_IF_PACKED: dict[str, tuple[Change, str]] = {
    "cut in half": (file(lambda data: data[: len(data) // 2]), "expected a complete gzip file"),
    "no gzip": (file(gzip.decompress), "expected a complete gzip file"),
    "damaged": (file(lambda data: data[:30] + bytes(20) + data[50:]), "expected a complete gzip file"),
    "a wrong checksum": (file(lambda data: data[:-8] + b"\1\2\3\4" + data[-4:]), "expected a complete gzip file"),
}
READ_ALL_THE_SAME: dict[str, Change] = {
    "Windows line ends and a mark": content(lambda text: b"\xef\xbb\xbf" + text.replace(b"\n", b"\r\n")),
    "no line end at the end": content(lambda text: text.rstrip(b"\n")),
    "another column with line breaks": content(_with_a_remark),
    "empty lines at the end": content(lambda text: text + b"\n\n"),
}
