"""CSV tables of raw datasets: bytes to columns of text, or a refusal that says what is wrong and where.

No message quotes a value of the table: it may name a patient.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from pipelines.adapters import SourceError
from pipelines.raw.identifiers import EXPECTED, is_plain

START = 2**16  # bytes within which a header ends
_SHOWN = 60
_PIECE = 2**20  # bytes
_DIGITS, _PLAIN = "^[0-9]{1,128}$", "^[0-9A-Za-z_-][0-9A-Za-z_.-]{0,127}$"
_OTHER_FORMATS = {
    b"\xff\xfe": "UTF-16 text",
    b"\xfe\xff": "UTF-16 text",
    b"\x1f\x8b": "a gzip file, whose name should end in .gz",
    b"PK\x03\x04": "a zip archive or a workbook",
}


def read_header(place: str, start: bytes) -> list[str]:
    """The column names of a table of which `start` are the first bytes; `place` is what messages call it.

    Raises:
        SourceError: empty, no UTF-8 text, or a header that no table has.
    """
    if not start.strip(b"\xef\xbb\xbf\r\n\t "):
        raise SourceError(f"{place}: expected a CSV table with a header; the file is empty")
    other = next((name for mark, name in _OTHER_FORMATS.items() if start.startswith(mark)), None)
    if other is None and b"\0" in start:
        other = "bytes that are no text"
    if other:
        raise SourceError(f"{place}: expected a CSV table as UTF-8 text; found {other}")
    # the first bytes may end within a character, but not within the header
    text = start.decode("utf-8-sig", errors="replace").lstrip("\r\n")
    try:
        header = next(csv.reader(io.StringIO(text, newline="")))
    except csv.Error as error:
        raise SourceError(f"{place}: expected a CSV table with a header: {error}") from error
    if any("\ufffd" in name for name in header):
        raise SourceError(f"{place}: expected a CSV table as UTF-8 text; the header is none")
    return header


def require_columns(place: str, header: Sequence[str], required: Sequence[str]) -> None:
    """Raise SourceError unless every required column is there once."""
    missing = [name for name in required if name not in header]
    if missing:
        separator = next((mark for mark in ";\t|" if len(header) == 1 and mark in header[0]), None)
        hint = f"; its columns are separated by {separator!r}, expected commas" if separator else ""
        # where no column is known the header may be missing, and its place taken by identifiers
        found = header if len(missing) < len(set(required)) else [re.sub(r"\S*\d\S*", "…", name) for name in header]
        raise SourceError(f"{place}: missing column {', '.join(map(repr, missing))}; found {listed(found)}{hint}")
    twice = sorted({name for name in required if header.count(name) > 1})
    if twice:
        raise SourceError(f"{place}: expected every column once; found {', '.join(map(repr, twice))} more than once")


def listed(names: Sequence[str], most: int = 40) -> str:
    """Names of columns or files as found; longer numbers in them, which may be a patient's, are not repeated."""
    shown = [re.sub(r"\S*\d{5}\S*", "(a number)", name)[:_SHOWN] for name in names[:most]]
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(repr(name) if name != name.strip() else name for name in shown) + more


def spelled(value: str) -> str:
    """A short word of a table as it stands there; anything longer, or a long number, is not repeated."""
    if not value:
        return "not given"
    return listed([value]) if len(value) <= 20 and value.isprintable() else "(a longer text)"


def parse_table(place: str, content: bytes, header: Sequence[str], columns: Sequence[str]) -> pa.Table:
    """The chosen columns of a CSV table, all as text with "" where empty.

    Raises:
        SourceError: a row with another number of columns than the header, a quote that is never closed, or text that
            is not UTF-8; says in which row.
    """
    _require_utf8(place, content)
    uneven: list[pa.csv.InvalidRow] = []

    def note(row: pa.csv.InvalidRow) -> str:
        uneven.append(row)
        return "skip"

    try:
        table = pa.csv.read_csv(
            io.BytesIO(content),
            # rows are numbered only where one thread reads them
            read_options=pa.csv.ReadOptions(use_threads=False),
            parse_options=pa.csv.ParseOptions(newlines_in_values=True, invalid_row_handler=note),
            convert_options=pa.csv.ConvertOptions(
                include_columns=list(columns),
                column_types=dict.fromkeys(header, pa.string()),
                strings_can_be_null=False,
            ),
        )
    except (pa.ArrowInvalid, pa.ArrowKeyError) as error:
        reason = " ".join(str(error).split())[:160]
        if "straddling" in reason:
            reason = "a row of more than 1 MB; is there a quote that is never closed?"
        raise SourceError(f"{place}: not a readable CSV table: {reason}") from error
    if uneven:
        first = uneven[0]
        raise SourceError(
            f"{place}: expected {first.expected_columns} columns in every row; "
            f"found {first.actual_columns} in line {first.number}, and {len(uneven)} such rows in all"
        )
    if content.count(b'"') % 2:
        _require_closed_quotes(place, content)
    return table


def require_identifiers(
    place: str, table: pa.Table, columns: Sequence[str], *, digits: bool = False, empty: bool = False
) -> None:
    """Raise SourceError for a value that is no identifier (`digits`: one of digits only; `empty`: or is nothing)."""
    for name in columns:
        # nearly all pass here, without becoming Python's objects
        plain = pc.match_substring_regex(table[name], _DIGITS if digits else _PLAIN)
        for value in table[name].filter(pc.invert(plain)).unique().to_pylist():
            if not (is_plain(value) and (not digits or value.isascii() and value.isdigit()) or empty and not value):
                row = table[name].to_pylist().index(value) + 1
                expected = "a number of digits only" if digits else EXPECTED
                raise SourceError(f"{place}: column {name!r}: expected {expected}; found something else in row {row}")


def require_unique(place: str, table: pa.Table, key: Sequence[str]) -> pa.Table:
    """The table with rows that repeat another one left out; rows without a key are kept.

    Raises:
        SourceError: two rows with the same key differ in another column.
    """
    if any(pc.count_distinct(table[name]).as_py() == len(table) for name in key):
        return table
    together = pc.binary_join_element_wise(*(table[name] for name in key), "\x1f")
    if pc.count_distinct(together).as_py() == len(table):
        return table
    first: dict[tuple[str, ...], int] = {}
    kept, listed_rows = [], table.to_pylist()
    for number, row in enumerate(listed_rows):
        identifiers = tuple(row[name] for name in key)
        earlier = first.setdefault(identifiers, number) if all(identifiers) else number
        different = [name for name in row if row[name] != listed_rows[earlier][name]]
        if different:
            raise SourceError(
                f"{place}: expected one row for each {' and '.join(map(repr, key))}; found rows {earlier + 1} and "
                f"{number + 1} with the same but different {listed(list(map(repr, different)), 5)}"
            )
        if earlier == number:
            kept.append(number)
    return table.take(kept)


def _require_utf8(place: str, content: bytes) -> None:
    # piece by piece: the text of a whole table would be as large as the table once more
    decoder = codecs.getincrementaldecoder("utf-8")()
    for start in range(0, len(content) or 1, _PIECE):
        try:
            decoder.decode(content[start : start + _PIECE], final=start + _PIECE >= len(content))
        except UnicodeDecodeError as error:
            # the decoder counts from the first byte of the character that the piece before may have begun
            broken = start + error.start - (len(error.object) - len(content[start : start + _PIECE]))
            line = content[:broken].count(b"\n") + 1
            raise SourceError(f"{place}: expected a CSV table as UTF-8 text; line {line} is none") from error


def _require_closed_quotes(place: str, content: bytes) -> None:
    try:
        for _ in csv.reader(io.StringIO(content.decode("utf-8-sig", errors="replace"), newline=""), strict=True):
            pass
    except csv.Error as error:
        raise SourceError(f"{place}: expected every quote to be closed: {error}") from error
