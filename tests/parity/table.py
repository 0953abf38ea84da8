"""The rows as text."""

from __future__ import annotations

from collections.abc import Sequence

from tests.parity.comparison import Row

HEADINGS = ("case", "quantity", "max abs", "max rel", "tolerance", "ok", "")


def lines_of(rows: Sequence[Row]) -> list[str]:
    cells = [HEADINGS, *map(_cells, rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(HEADINGS) - 1)]
    return ["  ".join([*(cell.ljust(width) for cell, width in zip(row, widths)), row[-1]]).rstrip() for row in cells]


def summary_of(rows: Sequence[Row]) -> str:
    failed = [row for row in rows if not row.ok]
    skipped = sum(row.skipped for row in rows)
    cases = len({row.case for row in rows})
    compared = len(rows) - skipped - sum(not row.tolerance for row in failed)
    return f"{cases} cases, {compared} quantities compared, {skipped} not compared, {len(failed)} failed"


def _cells(row: Row) -> tuple[str, ...]:
    answer = "-" if row.skipped else "yes" if row.ok else "NO"
    return (row.case, row.quantity, _number(row.absolute), _number(row.relative), row.tolerance, answer, row.note)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.1e}"
