"""Where the DICOM header and the compressed frame tell different stories, and which one is believed."""

from __future__ import annotations

import imagecodecs
import numpy as np
import pytest
from PIL import Image
from pydicom.encaps import encapsulate

from chex.pixels import read_radiograph
from chex.pixels.codestream import read_codestream
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


@pytest.mark.parametrize("bits", [12, 16])
@pytest.mark.parametrize("syntax", ["50", "80", "90"])
def test_colors_of_eight_bits_under_a_header_of_more(syntax, bits):
    frame = {
        "50": lambda: picture(COLORS, "JPEG", quality=98),
        "80": lambda: imagecodecs.jpegls_encode(COLORS),
        "90": lambda: imagecodecs.jpeg2k_encode(COLORS, codecformat="j2k", level=0, reversible=True),
    }[syntax]()
    assert np.abs(shown(COLORS.astype(np.uint16), frame, syntax, bits) - LUMINANCE).max() <= 3


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


@pytest.mark.parametrize("syntax", ["91", "81", "203"])
def test_lossy_values_below_a_high_bit_of_their_own(syntax):
    values = (ROWS * 48 + COLUMNS).astype(np.uint16)
    words = values << 4
    frame = {
        "91": lambda: imagecodecs.jpeg2k_encode(words, codecformat="j2k", level=90, reversible=False),
        "81": lambda: imagecodecs.jpegls_encode(words, level=3),
        "203": lambda: imagecodecs.htj2k_encode(words, reversible=True),
    }[syntax]()
    found = shown(values, frame, syntax, 12, HighBit=15, WindowCenter=1536, WindowWidth=3072)
    assert np.abs(found - np.linspace(0, 255, 3072).reshape(64, 48)).max() <= 2


@pytest.mark.parametrize("representation", [0, 1])
@pytest.mark.parametrize("syntax", ["91", "81", "203"])
def test_bits_beside_those_stored_in_a_reversible_frame_of_a_lossy_syntax(syntax, representation):
    values = (ROWS * 48 + COLUMNS).astype(np.uint16)
    words = (values - 1536 * representation) & 0xFFF | 0x8000 * (COLUMNS < 40)
    words = words.astype(np.int16 if representation and syntax != "81" else np.uint16)  # JPEG-LS knows no signs
    frame = {
        "91": lambda: imagecodecs.jpeg2k_encode(words, codecformat="j2k", level=0, reversible=True),
        "81": lambda: imagecodecs.jpegls_encode(words),
        "203": lambda: imagecodecs.htj2k_encode(words, reversible=True),
    }[syntax]()
    window = {"WindowCenter": 1536 * (1 - representation), "WindowWidth": 3072}
    found = shown(values, frame, syntax, 12, PixelRepresentation=representation, **window)
    assert np.abs(found - np.linspace(0, 255, 3072).reshape(64, 48)).max() <= 1


def test_a_reversible_wavelet_cut_short_is_lossy():
    bright = (ROWS + COLUMNS) // 8 % 2 == 0
    values = np.where(bright, 4095, 0).astype(np.uint16)
    frame = imagecodecs.jpeg2k_encode(values, codecformat="j2k", level=55, reversible=True)
    assert imagecodecs.jpeg2k_decode(frame).max() > 4095, "without values beyond the range this tests nothing"
    assert read_codestream(frame).reversible
    assert shown(values, frame, "91", 12, WindowCenter=2048, WindowWidth=4096)[bright].min() > 150


def test_what_frames_say_about_being_reversible():
    values = (ROWS * 48 + COLUMNS).astype(np.uint16)
    for reversible in (True, False):
        assert read_codestream(imagecodecs.htj2k_encode(values, reversible=reversible)).reversible is reversible
        frame = imagecodecs.jpeg2k_encode(values, codecformat="jp2", level=60, reversible=reversible)
        assert read_codestream(frame).reversible is reversible
        assert read_codestream(frame[:130]).reversible is False, "it ends before it says so"
        assert read_codestream(imagecodecs.jpegls_encode(values, level=0 if reversible else 2)).reversible is reversible
    assert read_codestream(picture(COLORS, "JPEG")).reversible is False
