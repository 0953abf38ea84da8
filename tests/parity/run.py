"""Runs the checks of the named files over a set; whatever is not compared becomes a failure with its reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tests.parity.cases import Case, UnreadableCases, read_cases
from tests.parity.comparison import Compared, NotCompared, Row, compare
from tests.parity.registry import Check, check_for, load_checks


def run_files(folder: Path, files: Sequence[str]) -> Iterator[Row]:
    for file in files:
        try:
            cases, checks = read_cases(folder, file), load_checks(file)
        except UnreadableCases as problem:
            yield Row(file, "", False, note=str(problem))
            continue
        except Exception as problem:  # noqa: BLE001 - a check module that cannot be imported fails its file alone
            yield Row(file, "", False, note=f"the checks cannot be imported: {_text_of(problem)}")
            continue
        if not cases:
            yield Row(file, "", False, note=f"{file}.json holds no case")
        for case in cases:
            yield from run_case(case, checks)


def run_case(case: Case, checks: Mapping[str, Check]) -> Iterator[Row]:
    function = check_for(case.name, checks)
    if function is None:
        yield Row(case.name, "", False, note="unknown case: no check fits its name")
        return
    try:
        found = dict(function(case))
        rows = [_row(case, quantity, value) for quantity, value in found.items()]
    except Exception as problem:  # noqa: BLE001 - whatever a check runs into is a finding about its case
        yield Row(case.name, "", False, note=_text_of(problem))
        return
    yield from rows
    if not any(not row.skipped for row in rows):
        yield Row(case.name, "", False, note="the check compared nothing")
    for quantity in case.recorded().keys() - found.keys():
        yield Row(case.name, quantity, False, note="recorded, but the check did not compare it")


def _row(case: Case, quantity: str, value) -> Row:
    if isinstance(value, NotCompared):
        return Row(case.name, quantity, True, note=f"not compared: {value.reason}", skipped=True)
    return compare(case.name, quantity, value if isinstance(value, Compared) else Compared(*value))


def _text_of(problem: Exception) -> str:
    return f"{type(problem).__name__}: {' '.join(str(problem).split())[:300]}"
