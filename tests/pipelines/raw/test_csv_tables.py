import pytest

from pipelines.adapters import SourceError
from pipelines.raw import csv_tables
from pipelines.raw.csv_tables import parse_table


@pytest.mark.parametrize("piece", [1, 2, 3, 7, 1000])
def test_text_is_checked_piece_by_piece(piece, monkeypatch):
    monkeypatch.setattr(csv_tables, "_PIECE", piece)
    content = "name,word\nä,größer\n€,😀\n".encode()
    assert parse_table("t.csv", content, ["name", "word"], ["word"]).to_pylist() == [{"word": "größer"}, {"word": "😀"}]
    assert len(parse_table("t.csv", b"\xef\xbb\xbf" + content, ["name", "word"], ["word"])) == 2
    for broken, line in ((content[:-2], 3), (content.replace("ö".encode(), b"\xc3"), 2), (content + b"a,\xff\n", 4)):
        with pytest.raises(SourceError, match=f"expected a CSV table as UTF-8 text; line {line} is none"):
            parse_table("t.csv", broken, ["name", "word"], ["word"])
