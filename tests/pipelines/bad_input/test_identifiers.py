"""Identifiers that lead elsewhere, are listed twice or are in two splits: refused, before a file of theirs is touched."""

from __future__ import annotations

import re

import pytest

from chex.records import Study
from pipelines.adapters import SourceError, kinds
from pipelines.conversion.split_ledger import SplitLedger
from pipelines.raw.identifiers import is_plain
from tests.pipelines.bad_input import bad_tables
from tests.pipelines.bad_input.test_tables import images_of, refusal
from tests.pipelines.small_sources import read_table, write_source

ELSEWHERE = ["../../etc/passwd", "a\\b", "s3::a", "a\nb", "a" * 300]
MORE_OF_THEM = ["..", "/etc/passwd", "a/b", "a\0b", " a", "*", "", ".hidden"]


@pytest.mark.parametrize("identifier", ELSEWHERE)
@pytest.mark.parametrize("kind", kinds())
def test_an_identifier_that_leads_elsewhere(kind, identifier, tmp_path):
    for number, (table, columns) in enumerate(write_source(kind, tmp_path / "names").identifiers.items()):
        for column in columns:
            small = write_source(kind, tmp_path / f"{number}{column}")
            bad_tables.set_cell(small.root / table, column, identifier)
            message = refusal(small)
            assert table in message and repr(column) in message and "row 1" in message, message
            assert identifier not in message, message


@pytest.mark.parametrize("identifier", [*ELSEWHERE, *MORE_OF_THEM])
@pytest.mark.parametrize("column", ["image_id", "study_id", "patient_id"])
def test_no_source_gets_such_an_identifier_into_the_plan(column, identifier):
    known = {"dataset": "d", "split": "train", "patient_id": "p", "study_id": "s", "image_id": "i", "uri": "/d/i"}
    with pytest.raises(SourceError, match=f"{column}: expected an identifier"):
        SplitLedger().add(Study(**(known | {column: identifier})))


@pytest.mark.parametrize(
    "identifier", ["02aa804e-bde0afdd", "CXR1_1_IM-0001-3001", "Größe 7", "00000001_000", "1.2.840"]
)
def test_what_identifiers_are(identifier):
    assert is_plain(identifier)


@pytest.mark.parametrize("kind", kinds())
def test_rows_that_repeat_another_one(kind, tmp_path):
    expected = images_of(write_source(kind, tmp_path / "good"))
    for number, (table, column) in enumerate(write_source(kind, tmp_path / "names").unique.items()):
        small = write_source(kind, tmp_path / f"equal{number}")
        bad_tables.repeat_row(small.root / table)
        assert images_of(small) == expected, f"{table}: the same row twice is one row"
        small = write_source(kind, tmp_path / f"contradictory{number}")
        rows = len(read_table(small.root / table))
        bad_tables.repeat_row(small.root / table, column, "test" if column == "split" else "-1")
        message = refusal(small)
        expected_text = (
            rf"{re.escape(table)}: expected one row for each .*found rows 1 and {rows} .*{re.escape(column)}"
        )
        assert re.search(expected_text, message), message
