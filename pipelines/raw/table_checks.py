"""What a table of a raw dataset has to hold, or a refusal that says what is wrong and where.

No message quotes a value of the table: it may name a patient.
"""

from __future__ import annotations

import re
from collections.abc import Sequence, Sized

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.adapters import SourceError
from pipelines.raw.identifiers import EXPECTED, is_plain

_SHOWN = 60
_DIGITS, _PLAIN = "^[0-9]{1,128}$", "^[0-9A-Za-z_-][0-9A-Za-z_.-]{0,127}$"


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


def require_rows(place: str, table: Sized) -> None:
    """Raise SourceError for a table without any."""
    if not len(table):
        raise SourceError(f"{place}: expected at least one row; found a header only")


def require_identifiers(
    place: str,
    table: pa.Table | pa.RecordBatch,
    columns: Sequence[str],
    *,
    digits: bool = False,
    empty: bool = False,
    rows_before: int = 0,
) -> None:
    """Raise SourceError for a value that is no identifier (`digits`: one of digits only; `empty`: or is nothing).

    `rows_before` is the number of rows before a batch of a table.
    """
    for name in columns:
        # nearly all pass here, without becoming Python's objects
        plain = pc.match_substring_regex(table[name], _DIGITS if digits else _PLAIN)
        for value in table[name].filter(pc.invert(plain)).unique().to_pylist():
            if not (is_plain(value) and (not digits or value.isascii() and value.isdigit()) or empty and not value):
                row = rows_before + table[name].to_pylist().index(value) + 1
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
