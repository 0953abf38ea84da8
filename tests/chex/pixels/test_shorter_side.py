"""Pictures that are wanted smaller than they are: the same pixels, and the size of the file, whatever the format."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from chex.pixels import read_radiograph, resize, shrunk
from tests.chex.pixels.made import picture
from tests.made_dicom import made_dicom

VALUES = np.random.default_rng(4).integers(0, 256, (391, 270), np.uint8)


def turned(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


FILES = {
    "jpeg": lambda: picture(VALUES, "JPEG", quality=95),
    "colored jpeg": lambda: picture(np.stack([VALUES, VALUES // 2, 255 - VALUES], -1), "JPEG", quality=95),
    "turned jpeg": lambda: picture(VALUES, "JPEG", quality=95, exif=turned(6)),
    "png": lambda: picture(VALUES),
    "colored png": lambda: picture(np.stack([VALUES, VALUES // 2, 255 - VALUES], -1)),
    "deep png": lambda: picture(VALUES.astype(np.uint16) * 100),
    "dicom": lambda: made_dicom(VALUES.astype(np.uint16) * 16, WindowCenter=2000, WindowWidth=3000),
}


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("side", [20, 64, 270, 1000])
def test_pixels_are_those_of_the_whole_picture_resized(kind, side):
    data = FILES[kind]()
    whole, small = read_radiograph(data, "x"), read_radiograph(data, "x", side)
    height, width = whole.pixels.shape
    assert {height, width} == {391, 270}
    assert (small.pixels == resize(whole.pixels, *shrunk(height, width, side))).all()
    assert min(small.pixels.shape) == min(side, 270)
    assert (small.height, small.width) == (whole.height, whole.width) == (height, width)
    assert (small.notes, small.sha256) == (whole.notes, whole.sha256)


def test_a_side_without_pixels_is_refused():
    with pytest.raises(ValueError, match="shorter_side must be at least 1; found 0"):
        read_radiograph(FILES["png"](), "x", 0)


@pytest.mark.parametrize(
    ("size", "side", "expected"),
    [((3000, 2500), 256, (307, 256)), ((30, 20), 256, (30, 20)), ((9000, 9), 3, (3000, 3))],
)
def test_shrunk(size, side, expected):
    assert shrunk(*size, side) == expected
