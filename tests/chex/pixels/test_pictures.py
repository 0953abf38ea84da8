"""JPEG and PNG files."""

from __future__ import annotations

import struct
import zlib

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from chex.pixels import read_radiograph
from tests.chex.pixels.made import RAMP, picture, pixels_of, refusal


def test_png_and_jpeg():
    values = np.tile(np.arange(0, 256, 4, dtype=np.uint8), (48, 1))
    assert (pixels_of(picture(values)) == values).all()
    jpeg = read_radiograph(picture(values, "JPEG", quality=95), "x")
    assert np.abs(jpeg.pixels.astype(int) - values).max() <= 4
    colored = read_radiograph(picture(np.stack([values] * 3, -1)), "x")
    assert (colored.pixels == values).all()
    assert colored.notes == ("RGB converted to gray",)


def test_sixteen_bit_png():
    radiograph = read_radiograph(picture(RAMP + 100), "x")
    assert (radiograph.pixels.min(), radiograph.pixels.max()) == (0, 255)
    assert "16 bit" in radiograph.notes[0]
    assert read_radiograph(picture(np.full((4, 4), 9, np.uint16)), "x").notes == ("constant image",)


def test_exif_orientation():
    values = np.arange(6 * 8, dtype=np.uint8).reshape(6, 8) * 5
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise by 90 degrees
    radiograph = read_radiograph(picture(values, exif=exif), "x")
    assert (radiograph.pixels == np.rot90(values, -1)).all()
    assert radiograph.notes == ("turned by EXIF orientation 6",)
    colored = read_radiograph(picture(np.stack([values] * 3, -1), exif=exif), "x")
    assert (colored.pixels == radiograph.pixels).all()
    assert colored.notes == ("turned by EXIF orientation 6", "RGB converted to gray")


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.9])
def test_truncated_pictures(kind, share):
    data = picture(np.random.default_rng(0).integers(0, 256, (64, 64), np.uint8), kind)
    assert "truncated or broken" in refusal(data[: max(9, int(len(data) * share))], "x.png")


COLORS_BY_KIND = {
    "RGB": np.stack([RAMP] * 3, -1),
    "LA": np.stack([RAMP, np.full_like(RAMP, 65535)], -1),
    "RGBA": np.stack([RAMP, RAMP, RAMP, np.full_like(RAMP, 65535)], -1),
}


@pytest.mark.parametrize("kind", COLORS_BY_KIND)
def test_sixteen_bit_png_with_color_or_transparency(kind):
    radiograph = read_radiograph(imagecodecs.png_encode(COLORS_BY_KIND[kind]), "x")
    assert (radiograph.pixels == pixels_of(picture(RAMP))).all()
    assert radiograph.notes == (
        f"{kind} converted to gray",
        "16 bit: values 20 to 4075 (robust range) to 8 bit",
    )


def test_sixteen_bit_colors_become_their_luminance():
    values = np.random.default_rng(0).integers(0, 4096, (32, 40, 3), np.uint16)
    pixels = pixels_of(imagecodecs.png_encode(values))
    luminance = values @ (0.299, 0.587, 0.114)
    low, high = np.percentile(luminance, (0.5, 99.5))
    assert np.abs(pixels - np.clip((luminance - low) / (high - low), 0, 1) * 255).max() <= 2


@pytest.mark.parametrize("kind", COLORS_BY_KIND)
def test_sixteen_bit_colors_are_turned_and_resized_like_gray(kind):
    exif = Image.Exif()
    exif[0x0112] = 6
    gray = picture(RAMP[:, :40], exif=exif)
    colored = with_chunk(imagecodecs.png_encode(COLORS_BY_KIND[kind][:, :40]), b"eXIf", exif.tobytes()[6:])
    expected, found = (read_radiograph(data, "x", shorter_side=20) for data in (gray, colored))
    assert (found.pixels == expected.pixels).all() and found.pixels.shape == (20, 32)
    assert (found.height, found.width) == (40, 64)
    assert found.notes == (f"{kind} converted to gray", *expected.notes)


def with_chunk(png: bytes, kind: bytes, content: bytes) -> bytes:
    chunk = struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
    return png[:33] + chunk + png[33:]


@pytest.mark.parametrize("share", [0.02, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("kind", COLORS_BY_KIND)
def test_truncated_sixteen_bit_colors(kind, share):
    noise = np.random.default_rng(0).integers(0, 4096, COLORS_BY_KIND[kind].shape, np.uint16)
    data = imagecodecs.png_encode(noise)
    assert "truncated or broken" in refusal(data[: max(9, int(len(data) * share))], "x.png")


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_sixteen_bit_colors_of_too_many_pixels():
    data = bytearray(imagecodecs.png_encode(COLORS_BY_KIND["RGB"]))
    struct.pack_into(">II", data, 16, 11_000, 10_000)
    struct.pack_into(">I", data, 29, zlib.crc32(data[12:29]))
    assert "more than 100 million are refused" in refusal(bytes(data), "x.png")
