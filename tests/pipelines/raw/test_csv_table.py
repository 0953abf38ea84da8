"""A table is read and checked piece by piece."""

from __future__ import annotations

import io

import pyarrow as pa
import pytest

from pipelines.adapters import SourceError
from pipelines.raw import unpacked_file
from pipelines.raw.csv_table import CsvTable
from pipelines.raw.folder import RawFolder


class SmallPieces(io.BytesIO):
    """Gives no more than so many bytes at once, as a network may."""

    def __init__(self, content: bytes, piece: int) -> None:
        super().__init__(content)
        self._piece = piece

    def read(self, size: int = -1) -> bytes:
        return super().read(self._piece if size < 0 or size > self._piece else size)


def words(content: bytes, piece: int) -> list[str]:
    table = CsvTable("t.csv", lambda: SmallPieces(content, piece))
    return pa.Table.from_batches(table.batches(["word"]))["word"].to_pylist()


@pytest.mark.parametrize("piece", [20, 21, 22, 23, 1000])
def test_text_is_checked_piece_by_piece(piece):
    content = "name,word\nä,größer\n€,😀\n".encode()
    assert words(content, piece) == ["größer", "😀"]
    assert words(b"\xef\xbb\xbf" + content, piece) == ["größer", "😀"]
    for broken, line in ((content[:-2], 3), (content.replace("ö".encode(), b"\xc3"), 2), (content + b"a,\xff\n", 4)):
        with pytest.raises(SourceError, match=f"expected a CSV table as UTF-8 text; line {line} is none"):
            words(broken, piece)


LONG = [f"{number},word {number}" for number in range(400_000)]  # several megabytes


def large(tmp_path, lines: list[str]) -> RawFolder:
    (tmp_path / "t.csv").write_text("\n".join(["number,word", *lines]) + "\n")
    return RawFolder(str(tmp_path))


def test_a_large_table_comes_in_batches(tmp_path):
    batches = list(large(tmp_path, LONG).batches(["t.csv"], ["word"]))
    assert len(batches) > 5
    assert pa.Table.from_batches(batches)["word"].to_pylist() == [line.partition(",")[2] for line in LONG]


@pytest.mark.parametrize(
    ("place", "line", "expected"),
    [
        (390_000, "7", "expected 2 columns in every row; found 1 in line 390002, and 1 such rows in all"),
        (390_000, '7,"open', "a row of more than 128 KiB; is there a quote that is never closed"),
        (399_999, '7,"open', "expected every quote to be closed.*end of data"),
    ],
)
def test_faults_far_down_are_found_and_named(place, line, expected, tmp_path):
    lines = list(LONG)
    lines[place] = line
    with pytest.raises(SourceError, match=expected):
        large(tmp_path, lines).columns(["t.csv"], ["word"])


def test_a_table_without_rows(tmp_path):
    assert large(tmp_path, []).table(["t.csv"], ["word"]).to_pydict() == {"word": []}
    with pytest.raises(SourceError, match="expected at least one row; found a header only"):
        large(tmp_path, []).table(["t.csv"], ["word"], may_be_empty=False)


@pytest.mark.parametrize("packed", [False, True])
def test_what_is_too_large_is_refused(packed, tmp_path, monkeypatch):
    import gzip

    monkeypatch.setattr(unpacked_file, "MOST_BYTES", 2**20)
    content = b"number,word\n" + b"1,a\n" * 2**19
    (tmp_path / ("t.csv.gz" if packed else "t.csv")).write_bytes(gzip.compress(content) if packed else content)
    with pytest.raises(SourceError, match="expected at most 1 MiB, unpacked; found more"):
        RawFolder(str(tmp_path)).table(["t.csv.gz", "t.csv"], ["word"])
