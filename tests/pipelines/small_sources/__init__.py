"""One small source of every kind in its dataset's own layout, for tests that break something in it.

The kind `vindr-cxr` is written by `write` of the module `vindr_cxr` in this folder; the tests over
`pipelines.adapters.kinds()` fail for a kind without one.
"""

from __future__ import annotations

import csv
import gzip
import importlib
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from tests.made_dicom import made_dicom

HEIGHT, WIDTH = 40, 50
PATIENTS = 6


@dataclass
class SmallSource:
    """The sources to convert, and where what matters lies in them; everything is listed in the order of the ids."""

    sources: tuple[tuple[str, str], ...]  # (kind, root); the kind itself is the last one
    images: list[Path]
    tables: dict[str, tuple[str, ...]] = field(
        default_factory=dict
    )  # of the kind: path -> columns that have to be there
    identifiers: dict[str, tuple[str, ...]] = field(default_factory=dict)  # table -> columns that become parts of names
    unique: dict[str, str] = field(default_factory=dict)  # table -> another column than its key: one value for each key
    annotations: list[Path] = field(default_factory=list)  # of the kind: one file for each image

    @property
    def root(self) -> Path:
        return Path(self.sources[-1][1])


def write_source(kind: str, folder: Path) -> SmallSource:
    """A source of `kind` below `folder`, with the sources it needs beside it."""
    return importlib.import_module(f"{__name__}.{kind.replace('-', '_')}").write(folder)


def pixels(number: int = 0) -> np.ndarray:
    return np.roll(np.arange(HEIGHT * WIDTH, dtype=np.uint16).reshape(HEIGHT, WIDTH) % 256, 7 * number, axis=1)


def encoded(suffix: str, number: int = 0) -> bytes:
    """An image file's bytes: .jpg, .png or, with any other suffix, DICOM."""
    if suffix not in (".jpg", ".png"):
        return made_dicom(pixels(number), bits=8)
    sink = io.BytesIO()
    Image.fromarray(pixels(number).astype(np.uint8)).save(sink, {".jpg": "JPEG", ".png": "PNG"}[suffix])
    return sink.getvalue()


def table_bytes(columns: Sequence[str], rows: Iterable[Sequence[object]], line_end: str = "\n") -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator=line_end).writerows([columns, *rows])
    return text.getvalue().encode()


def read_table(path: Path) -> list[list[str]]:
    return list(csv.reader(io.StringIO(unpacked(path).decode("utf-8-sig"), newline="")))


def unpacked(path: Path) -> bytes:
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


def store(path: Path, content: bytes) -> Path:
    """Writes a file, compressed if its name says so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)
    return path
