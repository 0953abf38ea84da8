"""Where the DICOM header and the compressed frame tell different stories, and which one is believed."""

from __future__ import annotations

import imagecodecs
import numpy as np
import pytest
from PIL import Image
from pydicom.encaps import encapsulate

from chex.pixels import read_radiograph
from tests.chex.pixels.made import picture, refusal, saved
from tests.made_dicom import made_dataset

ROWS, COLUMNS = np.mgrid[0:64, 0:48]
COLORS = np.stack([60 + 2 * ROWS, 200 - 3 * COLUMNS, 40 + ROWS + COLUMNS], -1).astype(np.uint8)
LUMINANCE = np.asarray(Image.fromarray(COLORS).convert("L")).astype(int)


def shown(values: np.ndarray, frame: bytes, syntax: str, bits: int, **elements) -> np.ndarray:
    return read_radiograph(stored(values, frame, syntax, bits, **elements), "x.dcm").pixels.astype(int)


def stored(values: np.ndarray, frame: bytes, syntax: str, bits: int, **elements) -> bytes:
    dataset = made_dataset(values, bits, **elements)
    dataset.PixelData = encapsulate([frame])
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    dataset.file_meta.TransferSyntaxUID = f"1.2.840.10008.1.2.4.{syntax}"
    return saved(dataset)


@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL", "YBR_FULL_422"])
@pytest.mark.parametrize("options", [{}, {"keep_rgb": True}, {"subsampling": "4:4:4"}])
def test_jpeg_tells_its_own_colors(photometric, options):
    frame = picture(COLORS, "JPEG", quality=98, **options)
    assert np.abs(shown(COLORS, frame, "50", 8, PhotometricInterpretation=photometric) - LUMINANCE).max() <= 3


@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL"])
@pytest.mark.parametrize("transformed", [False, True])
def test_jpeg_tells_its_colors_as_adobe_does(transformed, photometric):
    # encoded without a conversion of its own, and the marker of JFIF replaced by Adobe's
    values = np.asarray(Image.fromarray(COLORS).convert("YCbCr")) if transformed else COLORS
    frame = imagecodecs.jpeg8_encode(values, level=98, colorspace="YCBCR", outcolorspace="YCBCR")
    assert frame[2:4] == b"\xff\xe0"
    marker = b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00" + bytes([transformed])
    frame = frame[:2] + marker + frame[4 + int.from_bytes(frame[4:6], "big") :]
    found = shown(COLORS, frame, "50", 8, PhotometricInterpretation=photometric, PlanarConfiguration=1)
    assert np.abs(found - LUMINANCE).max() <= 4


@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL"])
def test_jpeg_that_says_nothing_has_the_colors_of_the_header(photometric):
    values = COLORS if photometric == "RGB" else np.asarray(Image.fromarray(COLORS).convert("YCbCr"))
    frame = imagecodecs.jpegls_encode(values)
    assert np.abs(shown(values, frame, "80", 8, PhotometricInterpretation=photometric) - LUMINANCE).max() <= 1


def test_a_high_bit_that_the_frame_does_not_have():
    values = (ROWS * 48 + COLUMNS).astype(np.uint16)
    frame = imagecodecs.ljpeg_encode(values, bitspersample=12)
    window = {"WindowCenter": 1536, "WindowWidth": 3072}
    plain, strange = (shown(values, frame, "70", 12, HighBit=high, **window) for high in (11, 15))
    assert (plain == strange).all()
    assert np.ptp(plain) == 255


def test_lossy_values_beyond_the_bits_stored_stay_bright():
    bright = (ROWS + COLUMNS) // 8 % 2 == 0
    values = np.where(bright, 1023, 0).astype(np.uint16)
    frame = imagecodecs.jpeg8_encode(values, level=30, bitspersample=12)
    assert imagecodecs.jpeg8_decode(frame).max() > 1023, "without values beyond the range this tests nothing"
    pixels = shown(values, frame, "51", 10, WindowCenter=512, WindowWidth=1024)
    assert pixels[bright].min() > 150


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (np.zeros((64, 48, 3), np.uint8), "the compressed picture has 3 samples per pixel, the header 1"),
        (np.zeros((64, 48), np.uint16), "the compressed picture has 16 bits, BitsAllocated 8"),
        (np.zeros((64, 40), np.uint8), "the compressed picture declares 64 x 40 pixels, the header 64 x 48"),
    ],
)
def test_a_frame_of_another_kind_is_refused(values, reason):
    frame = imagecodecs.jpeg2k_encode(values, codecformat="j2k", level=0, reversible=True)
    assert reason in refusal(stored(np.zeros((64, 48), np.uint8), frame, "90", 8))


def test_bytes_after_the_end_of_the_frame():
    values = (ROWS * 3 + COLUMNS).astype(np.uint8)
    window = {"WindowCenter": 120, "WindowWidth": 240}
    frame = picture(values, "JPEG", quality=95)
    plain = shown(values, frame, "50", 8, **window)
    for rest in (b"\0" * 3, b"\xff" * 2, b"\0\xff"):
        assert (shown(values, frame + rest, "50", 8, **window) == plain).all()


def test_the_wrapper_of_a_jp2_file_is_read():
    values = (ROWS * 48 + COLUMNS).astype(np.uint16)
    window = {"WindowCenter": 1536, "WindowWidth": 3072}
    plain, wrapped = (
        imagecodecs.jpeg2k_encode(values, codecformat=kind, level=0, reversible=True) for kind in ("j2k", "jp2")
    )
    assert (shown(values, plain, "90", 12, **window) == shown(values, wrapped, "90", 12, **window)).all()
