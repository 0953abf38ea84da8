"""Compressed frames: what is decoded agrees with what was encoded, what is damaged is refused by an exception."""

from __future__ import annotations

import io
import struct
import zlib

import imagecodecs
import numpy as np
import pytest
from pydicom.encaps import encapsulate

from chex.pixels import read_radiograph
from chex.pixels.codestream import read_codestream
from tests.chex.pixels.made import refusal
from tests.made_dicom import made_dataset, made_dicom

VALUES = (np.add.outer(np.arange(64), np.arange(48)) * 36 % 4096).astype(np.uint16)
WINDOW = {"WindowCenter": 2048, "WindowWidth": 4096}


def encoded(syntax: str) -> bytes:
    """The frame of VALUES in one of the syntaxes 1.2.840.10008.1.2.4.NN; in 8 bits for baseline JPEG."""
    return {
        "50": lambda: imagecodecs.jpeg8_encode((VALUES >> 4).astype(np.uint8), level=100),
        "51": lambda: imagecodecs.jpeg8_encode(VALUES, level=100, bitspersample=12),
        "57": lambda: imagecodecs.ljpeg_encode(VALUES, bitspersample=12),
        "70": lambda: imagecodecs.ljpeg_encode(VALUES, bitspersample=12),
        "80": lambda: imagecodecs.jpegls_encode(VALUES),
        "81": lambda: imagecodecs.jpegls_encode(VALUES, level=2),
        "90": lambda: imagecodecs.jpeg2k_encode(VALUES, codecformat="j2k", level=0, reversible=True),
        **dict.fromkeys(("201", "202", "203"), lambda: imagecodecs.htj2k_encode(VALUES, reversible=True)),
    }[syntax]()


def file_of(frame: bytes, syntax: str, values: np.ndarray = VALUES) -> bytes:
    dataset = made_dataset(values, **WINDOW)
    if syntax == "50":
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 8, 8, 7
        dataset.WindowCenter, dataset.WindowWidth = 128, 256
    dataset.PixelData = encapsulate([frame + b"\0" * (len(frame) % 2)])
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    dataset.file_meta.TransferSyntaxUID = f"1.2.840.10008.1.2.4.{syntax}"
    sink = io.BytesIO()
    dataset.save_as(sink, enforce_file_format=True)
    return sink.getvalue()


@pytest.mark.parametrize(
    ("syntax", "most"),
    [("50", 3), ("51", 3), ("57", 0), ("70", 0), ("80", 0), ("81", 1), ("90", 0), ("201", 0), ("202", 0), ("203", 0)],
)
def test_every_syntax_agrees_with_the_uncompressed_file(syntax, most):
    expected = read_radiograph(made_dicom(VALUES, **WINDOW), "x.dcm").pixels.astype(int)
    found = read_radiograph(file_of(encoded(syntax), syntax), "x.dcm").pixels.astype(int)
    assert np.abs(found - expected).max() <= most


@pytest.mark.parametrize("syntax", ["51", "57", "70", "80", "81"])
def test_a_frame_that_is_cut_off_is_refused(syntax):
    frame = encoded(syntax)
    assert "truncated: its end-of-image marker is missing" in refusal(file_of(frame[: len(frame) // 2], syntax))


@pytest.mark.parametrize("syntax", ["50", "51", "57", "70", "80", "81", "90", "201"])
def test_a_frame_larger_than_its_header_says_is_refused_before_it_is_decoded(syntax):
    frame = bytearray(encoded(syntax))
    assert read_codestream(bytes(frame))[:2] == VALUES.shape
    if syntax in ("90", "201"):
        struct.pack_into(">II", frame, frame.index(b"\xff\x51") + 6, 50_000, 60_000)
    else:
        marker = {"50": b"\xff\xc0", "51": b"\xff\xc1", "80": b"\xff\xf7", "81": b"\xff\xf7"}.get(syntax, b"\xff\xc3")
        struct.pack_into(">HH", frame, frame.index(marker) + 5, 60_000, 50_000)
    assert read_codestream(bytes(frame))[:2] == (60_000, 50_000)
    assert refusal(file_of(bytes(frame), syntax)) == (
        "decode: the compressed picture declares 60000 x 50000 pixels, the header 64 x 48"
    )


@pytest.mark.parametrize(
    "frame", [b"", b"\xff\xd8", b"\xff\xd8\xff", b"\xff\xd8" + b"\xff" * 20, b"\xff\x4f\xff\x51", b"x" * 30]
)
def test_a_frame_that_declares_no_size(frame):
    assert read_codestream(frame) is None


@pytest.mark.parametrize("preamble", [True, False])
def test_inflation_bomb_wherever_it_starts(preamble, monkeypatch):
    monkeypatch.setattr("chex.pixels.inflation.INFLATED_LIMIT", 2**22)
    dataset = made_dataset(VALUES, syntax="1.2.840.10008.1.2.1.99")
    dataset.file_meta.PrivateInformationCreatorUID = "1.2.3"
    dataset.file_meta.PrivateInformation = b"\0" * 4096  # the start is not where a short search would look
    sink = io.BytesIO()
    dataset.save_as(sink, enforce_file_format=True)
    data = sink.getvalue()
    start = 144 + int.from_bytes(data[140:144], "little")
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    bomb = data[:start] + packer.compress(b"\0" * 2**24) + packer.flush()
    assert "inflates to more than" in refusal(bomb if preamble else bomb[132:])
