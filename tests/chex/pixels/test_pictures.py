"""JPEG and PNG files."""

from __future__ import annotations

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


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.9])
def test_truncated_pictures(kind, share):
    data = picture(np.random.default_rng(0).integers(0, 256, (64, 64), np.uint8), kind)
    assert "truncated or broken" in refusal(data[: max(9, int(len(data) * share))], "x.png")
