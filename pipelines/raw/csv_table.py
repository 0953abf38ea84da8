"""CSV tables of raw datasets: a file to columns of text, batch by batch, or a refusal that says what is wrong.

No message quotes a value of the table: it may name a patient.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import BinaryIO

import pyarrow as pa
import pyarrow.csv

from pipelines.adapters import SourceError
from pipelines.raw.table_checks import require_columns

_START = 2**16  # bytes within which a header ends
_BLOCK = 2**17  # bytes; Arrow reads 32 blocks ahead
_OTHER_FORMATS = {
    b"\xff\xfe": "UTF-16 text",
    b"\xfe\xff": "UTF-16 text",
    b"\x1f\x8b": "a gzip file, whose name should end in .gz",
    b"PK\x03\x04": "a zip archive or a workbook",
}


class CsvTable:
    """The table in one file; `place` is what messages call it, `open_file` gives the file from its beginning."""

    def __init__(self, place: str, open_file: Callable[[], BinaryIO]) -> None:
        self._place = place
        self._open_file = open_file

    @cached_property
    def header(self) -> list[str]:
        """The column names.

        Raises:
            SourceError: empty, no UTF-8 text, or a header that no table has.
        """
        with self._open_file() as file:
            start = file.read(_START)
        if not start.strip(b"\xef\xbb\xbf\r\n\t "):
            raise SourceError(f"{self._place}: expected a CSV table with a header; the file is empty")
        other = next((name for mark, name in _OTHER_FORMATS.items() if start.startswith(mark)), None)
        if other is None and b"\0" in start:
            other = "bytes that are no text"
        if other:
            raise SourceError(f"{self._place}: expected a CSV table as UTF-8 text; found {other}")
        # the first bytes may end within a character, but not within the header
        text = start.decode("utf-8-sig", errors="replace").lstrip("\r\n")
        try:
            header = next(csv.reader(io.StringIO(text, newline="")))
        except csv.Error as error:
            raise SourceError(f"{self._place}: expected a CSV table with a header: {error}") from error
        if any("\ufffd" in name for name in header):
            raise SourceError(f"{self._place}: expected a CSV table as UTF-8 text; the header is none")
        return header

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """The chosen columns, all as text with "" where empty; at least one batch, with no rows if there are none.

        Raises:
            SourceError: a column that is not there once, a row with another number of columns than the header, a quote
                that is never closed, or text that is not UTF-8; says in which row. Known for sure only at the end.
        """
        require_columns(self._place, self.header, columns)
        uneven: list[pa.csv.InvalidRow] = []

        def note(row: pa.csv.InvalidRow) -> str:
            uneven.append(row)
            return "skip"

        schema, rows = pa.schema([(name, pa.string()) for name in columns]), 0
        with self._open_file() as file:
            text = _Utf8(self._place, file)
            try:
                for batch in pa.csv.open_csv(
                    text,
                    # rows are numbered only where one thread reads them
                    read_options=pa.csv.ReadOptions(use_threads=False, block_size=_BLOCK),
                    parse_options=pa.csv.ParseOptions(newlines_in_values=True, invalid_row_handler=note),
                    convert_options=pa.csv.ConvertOptions(
                        include_columns=list(columns),
                        column_types=dict.fromkeys(self.header, pa.string()),
                        strings_can_be_null=False,
                    ),
                ):
                    rows += len(batch)
                    yield batch
            except (pa.ArrowInvalid, pa.ArrowKeyError) as error:
                reason = " ".join(str(error).split())[:160]
                if "straddling" in reason:
                    reason = f"a row of more than {_BLOCK // 2**10} KiB; is there a quote that is never closed?"
                raise SourceError(f"{self._place}: not a readable CSV table: {reason}") from error
        if uneven:
            first = uneven[0]
            raise SourceError(
                f"{self._place}: expected {first.expected_columns} columns in every row; "
                f"found {first.actual_columns} in line {first.number}, and {len(uneven)} such rows in all"
            )
        if text.quotes % 2:
            self._require_closed_quotes()
        if not rows:
            yield pa.RecordBatch.from_pylist([], schema)

    def _require_closed_quotes(self) -> None:
        with self._open_file() as file:
            try:
                for _ in csv.reader(io.TextIOWrapper(file, "utf-8-sig", newline=""), strict=True):
                    pass
            except csv.Error as error:
                raise SourceError(f"{self._place}: expected every quote to be closed: {error}") from error


class _Utf8(io.RawIOBase):
    """A file that is UTF-8 text, which is checked as it is read."""

    def __init__(self, place: str, file: BinaryIO) -> None:
        self._place, self._file = place, file
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._lines = 0
        self.quotes = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        content = self._file.read(size)
        try:
            self._decoder.decode(content, final=not content)
        except UnicodeDecodeError as error:
            # the decoder counts from the first byte of the character that the piece before may have begun
            broken = error.start - (len(error.object) - len(content))
            line = self._lines + content[: max(0, broken)].count(b"\n") + 1
            raise SourceError(f"{self._place}: expected a CSV table as UTF-8 text; line {line} is none") from error
        self._lines += content.count(b"\n")
        self.quotes += content.count(b'"')
        return content
