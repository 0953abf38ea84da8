"""Image files that are none, are broken or lie about their size: each a row of quarantine, the others rows."""

from __future__ import annotations

import io
import os
import re
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipelines.adapters import ImageSource, kinds, open_source
from tests.made_dicom import made_dicom
from tests.pipelines.converted_sources import convert_small
from tests.pipelines.small_sources import encoded, write_source

KINDS = [kind for kind in kinds() if isinstance(open_source(kind, "/nowhere"), ImageSource)]
SIDE = 60_000


def giant_png() -> bytes:
    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )


def giant_jpeg() -> bytes:
    data = bytearray(encoded(".jpg"))
    start = data.index(b"\xff\xc0") + 5
    data[start : start + 4] = struct.pack(">HH", SIDE, SIDE)
    return bytes(data)


def giant_dicom() -> bytes:
    return made_dicom(np.zeros((4, 4), np.uint8), bits=8, Rows=SIDE, Columns=SIDE)


def of_no_size() -> bytes:
    return made_dicom(np.zeros((4, 4), np.uint8), bits=8, Rows=0, Columns=4)


def tiff() -> bytes:
    sink = io.BytesIO()
    Image.new("L", (4, 4)).save(sink, "TIFF")
    return sink.getvalue()


def bytes_instead(content: Callable[[], bytes]) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content())


def folder_instead(path: Path) -> None:
    path.unlink()
    path.mkdir()


def loop_instead(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.name)


def pipe_instead(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def device_instead(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


def too_large(path: Path) -> None:
    os.truncate(path, 2**29)


BROKEN: dict[str, tuple[Callable[[Path], object], str]] = {  # what it is: how, and what the reason says
    "missing": (Path.unlink, "read: FileNotFoundError: the file cannot be opened"),
    "empty": (bytes_instead(bytes), "read: the file is empty"),
    "text": (bytes_instead(lambda: b"Dear colleague, " * 20), "not a DICOM"),
    "cut in half": (lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]), "truncated"),
    "one byte": (bytes_instead(lambda: b"\xff"), "not a DICOM"),
    "another format": (bytes_instead(tiff), "not a DICOM"),
    "a PNG of 60,000 x 60,000": (bytes_instead(giant_png), "declares .*pixels.*(refused|limit)"),
    "a JPEG of 60,000 x 60,000": (bytes_instead(giant_jpeg), "declares .*pixels.*(refused|limit)"),
    "a DICOM file of 60,000 x 60,000": (bytes_instead(giant_dicom), "declares .*pixels.*(refused|limit)"),
    "of no height": (bytes_instead(of_no_size), "declares 0 x 4 pixels"),
    "a folder": (folder_instead, "read: expected a file; found a folder"),
    "a loop of links": (loop_instead, "read: OSError: the file cannot be opened"),
    "a pipe": (pipe_instead, "read: expected a file; found a pipe or a device"),
    "a device": (device_instead, "read: expected a file; found a pipe or a device"),
    "half a gigabyte": (too_large, "read: the file has 536,870,912 bytes; more than 256 MiB are refused"),
    "a JPEG header and no more": (bytes_instead(lambda: encoded(".jpg")[:20]), "truncated"),
    "a PNG header and no more": (bytes_instead(lambda: encoded(".png")[:20]), "truncated"),
    "a DICOM header and no more": (bytes_instead(lambda: encoded(".dcm")[:150]), "truncated"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("first", range(0, len(BROKEN), 3))
def test_a_broken_image_is_quarantined_and_the_others_are_rows(kind, first, tmp_path):
    small = write_source(kind, tmp_path)
    faults = list(BROKEN.items())[first : first + 3]
    for image, (_, (change, _)) in zip(small.images, faults, strict=False):
        change(image)
    result = convert_small(small, tmp_path / "shards")
    assert len(result.quarantine) == len(faults) and len(result.images()) == len(small.images) - len(faults)
    for image, (fault, (_, expected)) in zip(small.images, faults, strict=False):
        reason = result.reason_of(image)
        assert reason and re.search(expected, reason), f"{fault}: {reason}"
