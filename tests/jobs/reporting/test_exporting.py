"""What the exports of an image are called, and what is noted where one cannot be made."""

from __future__ import annotations

import json

import pytest

from chex.exports import formats
from jobs.reporting.exporting import PartExports, export_name
from jobs.reporting.results import Results
from tests.chex.exports.reports import report, source


def test_no_two_images_of_a_large_archive_share_a_name():
    # with 32 bits of a hash these two have the same name
    assert export_name("/archive/0107/st053640/IM000001") != export_name("/archive/0112/st056241/IM000001")
    assert len(export_name("a/b.dcm")) == len("b-") + 24 and export_name("a/b.dcm") == export_name("a/b.dcm")


@pytest.mark.parametrize("letter", ["a", "ü", "放", "𠮷"])
def test_a_long_name_fits_a_file_system(letter, tmp_path):
    name = export_name(f"/archive/{letter * 60}.dcm")
    assert name.startswith(letter * 20) and len(name.encode()) <= 120
    Results(str(tmp_path)).write(f"json-lines/{name}.jsonl", b"x")
    assert (tmp_path / "json-lines" / f"{name}.jsonl").read_bytes() == b"x"


def test_the_log_tells_where_a_fault_was_but_not_what_it_quotes(tmp_path, monkeypatch, caplog):
    def encode(report, source):
        raise ValueError("not a date of Erika Mustermann: 20240305")

    monkeypatch.setattr(formats()["text"], "encode", encode)
    row = {"not_exported": []}
    PartExports(("text",), Results(str(tmp_path))).add(report(), source(), row)
    assert row["not_exported"] == [{"format": "text", "reason": "unforeseen fault (ValueError)"}]
    assert "test_exporting.py" in caplog.text and "ValueError" in caplog.text and "Mustermann" not in caplog.text
    json.dumps(row)
