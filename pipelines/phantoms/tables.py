"""CSV files, plain or compressed, whose bytes depend on their rows alone."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterable, Mapping
from pathlib import Path


def write_table(path: Path, columns: tuple[str, ...], rows: Iterable[Mapping[str, object]]) -> None:
    """Writes rows under a header of `columns`; a missing value is left empty, a key that is no column is refused."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    data = text.getvalue().encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)
