"""Large elements of a file are not copied when it is read, and nothing becomes of that but time saved."""

from __future__ import annotations

import imagecodecs
import numpy as np
import pytest

from chex.pixels import header_alone, inflation, read_radiograph
from tests.chex.pixels.made import RAMP, refusal, saved
from tests.made_dicom import made_dataset, made_dicom

ABOVE = RAMP | 0x8000  # a bit beside the 12 that are stored
SIGNED = (RAMP.astype(np.int16) - 2048) & 0xFFF  # without the bits that would repeat the sign


def big_endian() -> bytes:
    dataset = made_dataset(RAMP.astype(">u2"))
    dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.2"
    return saved(dataset)


def fragments_of_known_length() -> bytes:
    """Against the standard, by which it is left undefined."""
    noise = np.random.default_rng(1).integers(0, 4096, RAMP.shape).astype(np.uint16)
    frame = imagecodecs.ljpeg_encode(noise, bitspersample=12)
    frame += b"\0" * (len(frame) % 2)
    length = len(frame).to_bytes(4, "little")
    plain = made_dataset(noise)
    plain.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.70"
    plain.PixelData = b"\xfe\xff\x00\xe0\0\0\0\0" + b"\xfe\xff\x00\xe0" + length + frame
    plain["PixelData"].VR = "OB"
    return saved(plain, strict=False)


FILES = {
    "16 bit": lambda: made_dicom(RAMP * 16, 16),
    "12 bit": lambda: made_dicom(RAMP),
    "a bit above": lambda: made_dicom(ABOVE),
    "signed": lambda: made_dicom(SIGNED, PixelRepresentation=1),
    "high bit": lambda: made_dicom(RAMP << 4 | 5, HighBit=15),
    "padding": lambda: made_dicom(RAMP, PixelPaddingValue=7, PixelPaddingRangeLimit=99),
    "8 bit": lambda: made_dicom(np.tile(RAMP, (1, 2)).astype(np.uint8), 8),
    "color": lambda: made_dicom(np.stack([RAMP] * 3, -1).astype(np.uint8), 8, PhotometricInterpretation="RGB"),
    "frames": lambda: made_dicom(np.stack([RAMP, 4095 - RAMP])),
    "like items": lambda: made_dicom(np.where(RAMP == 0, 0xFFFE, np.where(RAMP == 1, 0xE000, RAMP)), 16),
    "big endian": big_endian,
}


@pytest.mark.parametrize("kind", FILES)
def test_pixels_are_the_same_as_copied(kind, monkeypatch):
    data = FILES[kind]()
    before, copied = bytes(bytearray(data)), read_radiograph(data, "x")
    monkeypatch.setattr(inflation, "_NOT_COPIED", 4096)
    viewed = read_radiograph(data, "x")
    assert data == before
    assert (viewed.pixels == copied.pixels).all() and viewed.notes == copied.notes
    assert header_alone(data) == header_alone(before)


def test_fragments_are_copied(monkeypatch):
    data = fragments_of_known_length()
    assert len(data) > 5000
    copied = read_radiograph(data, "x").pixels
    monkeypatch.setattr(inflation, "_NOT_COPIED", 4096)
    assert (read_radiograph(data, "x").pixels == copied).all()


def test_truncation_is_told_of_views(monkeypatch):
    monkeypatch.setattr(inflation, "_NOT_COPIED", 4096)
    assert "expected 8192 bytes, found 8092" in refusal(made_dicom(RAMP)[:-100])


def test_only_large_values_are_views():
    file = inflation.GuardedFile(bytes(2**20 + 100))
    assert isinstance(file.read(100), bytes) and file.tell() == 100
    assert isinstance(file.read(2**20), memoryview) and file.tell() == 2**20 + 100
    assert file.read(2**21) == b""
