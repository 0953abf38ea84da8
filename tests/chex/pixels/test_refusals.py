"""Files that cannot become a radiograph: refused with a reason, and with nothing else."""

from __future__ import annotations

import struct
import zlib
from functools import partial

import numpy as np
import pytest
from pydicom.uid import ExplicitVRLittleEndian, JPEG2000Lossless, RLELossless

from chex.pixels import UnusableImage, read_radiograph
from tests.chex.pixels.made import RAMP, picture, refusal, saved
from tests.made_dicom import made_dataset, made_dicom


def test_other_modalities_are_refused():
    assert refusal(made_dicom(RAMP, Modality="CT")) == "decode: Modality CT is not a radiograph"


def test_a_file_without_pixels_says_what_it_is():
    dataset = made_dataset(RAMP)
    del dataset.PixelData
    assert refusal(saved(dataset)) == (
        "decode: no pixel data (Computed Radiography Image Storage); the file may be truncated"
    )
    dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.1.3.10"
    del dataset.SOPClassUID
    dataset.preamble = b"\0" * 128
    assert refusal(saved(dataset, strict=False)) == "decode: no pixel data (Media Storage Directory Storage)"


def test_missing_elements_are_named():
    dataset = made_dataset(RAMP)
    del dataset.Columns, dataset.BitsStored
    assert refusal(saved(dataset)) == "decode: the elements Columns, BitsStored are missing"


def test_truncation_names_both_lengths():
    data = made_dicom(RAMP)
    assert "truncated: expected 8192 bytes, found 8092" in refusal(data[:-100])
    compressed = made_dicom(
        np.random.default_rng(0).integers(0, 4096, (64, 64), np.uint16), syntax="1.2.840.10008.1.2.5"
    )
    assert "pixel data is truncated: expected at least" in refusal(compressed[: len(compressed) // 2])


@pytest.mark.parametrize("length", [1, 100, 133, 150, 300, 600])
def test_a_file_cut_anywhere_is_refused_with_a_reason(length):
    assert len(refusal(made_dicom(RAMP)[:length])) > 20


@pytest.mark.parametrize("data", [b"just a text\n", b"PK\x03\x04" * 100, b"\x08\x00\x16\x00" * 99])
def test_other_files_named_dcm_are_refused(data):
    assert refusal(data).startswith("read: not a DICOM file")


def test_empty_and_unknown():
    assert refusal(b"") == "read: the file is empty"
    assert refusal(b"hello", "a.txt").startswith("read: not a DICOM, JPEG or PNG file")


@pytest.mark.parametrize("kind", ["DICOM", "PNG", "JPEG"])
def test_damaged_bytes_never_raise_anything_else(kind):
    generator = np.random.default_rng(7)
    values = generator.integers(0, 4096, (32, 32), np.uint16)
    window = {"WindowCenter": 2048, "WindowWidth": 4096, "RescaleSlope": 1, "RescaleIntercept": 0}
    data = made_dicom(values, **window) if kind == "DICOM" else picture((values >> 4).astype(np.uint8), kind)
    for _ in range(300):
        damaged = bytearray(data)
        first = 132 if kind == "DICOM" else 8
        for place in generator.integers(first, min(len(data), first + 1000), 6):
            damaged[place] = generator.integers(0, 256)
        try:
            assert read_radiograph(bytes(damaged), "x").pixels.dtype == np.uint8
        except UnusableImage as refused:
            assert refused.reason


def png_of(height: int, width: int) -> bytes:
    header = struct.pack(">II5B", width, height, 8, 0, 0, 0, 0)
    chunk = struct.pack(">I", len(header)) + b"IHDR" + header + struct.pack(">I", zlib.crc32(b"IHDR" + header))
    return b"\x89PNG\r\n\x1a\n" + chunk + picture(RAMP.astype(np.uint8))[33:]


def jpeg_of(height: int, width: int) -> bytes:
    data = bytearray(picture(RAMP.astype(np.uint8), "JPEG"))
    struct.pack_into(">HH", data, data.index(b"\xff\xc0") + 5, height, width)
    return bytes(data)


def dicom_of(height: int, width: int, syntax: str) -> bytes:
    dataset = made_dataset(RAMP, syntax=syntax)
    dataset.Rows, dataset.Columns = height, width
    if syntax == JPEG2000Lossless:
        data = bytearray(dataset.PixelData)
        struct.pack_into(">II", data, data.index(b"\xff\x51") + 6, width, height)
        dataset.PixelData = bytes(data)
    return saved(dataset)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("size", [(60_000, 60_000), (11_000, 10_000), (65_535, 1_600)])
@pytest.mark.parametrize(
    "made", [png_of, jpeg_of, *(partial(dicom_of, syntax=syntax) for syntax in (ExplicitVRLittleEndian, RLELossless))]
)
def test_decompression_bombs(made, size):
    assert "pixels" in refusal(made(*size))


@pytest.mark.parametrize("size", [(60_000, 60_000), (11_000, 10_000)])
def test_decompression_bomb_of_jpeg_2000(size):
    data = dicom_of(*size, syntax=JPEG2000Lossless)
    assert f"declares {size[0]} x {size[1]} pixels; more than 100 million are refused" in refusal(data)


def test_inflation_bomb(monkeypatch):
    monkeypatch.setattr("chex.pixels.inflation.INFLATED_LIMIT", 2**22)
    data = made_dicom(RAMP, syntax="1.2.840.10008.1.2.1.99")
    start = 144 + int.from_bytes(data[140:144], "little")
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    body = packer.compress(b"\0" * 2**24) + packer.flush()
    assert "inflates to more than" in refusal(data[:start] + body)
