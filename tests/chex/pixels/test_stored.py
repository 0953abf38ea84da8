"""The stored images of the shards: lossless, 8 bit."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from chex.pixels import decode_stored, encode_stored, resize
from tests.chex.pixels.made import picture


@pytest.mark.parametrize("shape", [(1, 1), (7, 13), (256, 300)])
def test_stored_images_are_lossless(shape):
    values = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
    stored = encode_stored(values)
    assert (decode_stored(stored) == values).all()
    assert (np.asarray(Image.open(io.BytesIO(stored))) == values).all(), "any PNG reader must read it"


def test_stored_images_refuse_everything_else():
    with pytest.raises(ValueError, match="8-bit grayscale PNG"):
        decode_stored(b"no image")
    with pytest.raises(ValueError, match="uint8 array"):
        decode_stored(picture(np.zeros((4, 4, 3), np.uint8)))
    with pytest.raises(ValueError, match="uint8 array"):
        encode_stored(np.zeros((4, 4), np.float32))
    with pytest.raises(ValueError, match="uint8 array"):
        encode_stored(np.zeros((0, 4), np.uint8))


def test_resize_averages():
    board = (np.indices((512, 512)).sum(0) % 2 * 255).astype(np.uint8)
    small = resize(board, 64, 64)
    assert np.abs(small.astype(int) - 127).max() <= 2, "without antialiasing a fine pattern becomes a coarse one"
    assert resize(board, 512, 512) is board
    assert resize(board, 100, 33).shape == (100, 33)
    with pytest.raises(ValueError, match="at least 1"):
        resize(board, 0, 5)
