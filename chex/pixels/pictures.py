"""JPEG and PNG files to radiographs."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np

from chex.pixels import Radiograph, UnusableImage, check_declared_size, resize_picture, shrunk
from chex.pixels.color import luminance
from chex.pixels.grayscale import robust_range, stretch, to_bytes
from chex.pixels.occurrences import Occurrences

if TYPE_CHECKING:
    from PIL.Image import Image

_SIGNATURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")
_TO_LUMINANCE = "color converted to gray"
_COLOR_TYPES = {2: "RGB", 4: "LA", 6: "RGBA"}  # of PNG, those of more than one sample per pixel


def is_picture(data: bytes) -> bool:
    return data.startswith(_SIGNATURES)


def read(data: bytes, sha256: str, shorter_side: int | None = None) -> Radiograph:
    """Decode a JPEG or PNG file, turned as its EXIF orientation says, and resize it as `chex.pixels.resize` does.

    Raises:
        UnusableImage: truncated, broken or too large.
    """
    from PIL import Image, ImageOps

    try:
        image = Image.open(io.BytesIO(data), formats=("PNG", "JPEG"))
    except Image.DecompressionBombError as error:
        raise UnusableImage("decode", f"declares too many pixels: {error}") from error
    except (OSError, SyntaxError) as error:
        raise UnusableImage("decode", "the header of the picture is truncated or broken") from error
    check_declared_size(image.height, image.width)
    notes = []
    if image.format == "JPEG" and image.mode in ("RGB", "YCbCr"):
        notes.append(_TO_LUMINANCE)
        image.draft("L", image.size)  # decodes the luminance only
    try:
        image.load()
    except (OSError, SyntaxError, ValueError) as error:
        raise UnusableImage("decode", f"the picture is truncated or broken: {error}") from error
    if (kind := _sixteen_bit_color(data)) is not None:
        notes.append(f"{kind} converted to gray")
        image = _with_all_bits(image, data)
    orientation = image.getexif().get(0x0112, 1)
    if orientation in range(2, 9):
        image = ImageOps.exif_transpose(image)
        notes.append(f"turned by EXIF orientation {orientation}")
    if image.mode.startswith("I") or image.mode == "F":
        return Radiograph(_deep(np.asarray(image), notes), tuple(notes), sha256=sha256)
    if image.mode != "L":
        if _TO_LUMINANCE not in notes:
            notes.append(f"{image.mode} converted to gray")
        image = image.convert("L")
    full_size = image.height, image.width
    size = full_size if shorter_side is None else shrunk(*full_size, shorter_side)
    pixels = np.array(image) if size == full_size else resize_picture(image, *size)
    return Radiograph(pixels, tuple(notes), sha256=sha256, full_size=full_size)


def _sixteen_bit_color(data: bytes) -> str | None:
    """The mode of a PNG with several samples of 16 bits per pixel, of which Pillow keeps but 8; None for others."""
    return _COLOR_TYPES.get(data[25]) if data[12:16] == b"IHDR" and data[24] == 16 else None


def _with_all_bits(image: Image, data: bytes) -> Image:
    """The luminance of such a picture, with what `image`, which Pillow has made of it, knows beside the pixels."""
    import imagecodecs
    from PIL.Image import fromarray

    try:
        values = imagecodecs.png_decode(data)
    except imagecodecs.PngError as error:
        raise UnusableImage("decode", f"the picture is truncated or broken: {error}") from error
    gray = values[..., 0] if values.shape[-1] < 3 else luminance(values[..., :3], "RGB")
    deep = fromarray(np.ascontiguousarray(gray))
    deep.info = image.info
    return deep


def _deep(values: np.ndarray, notes: list[str]) -> np.ndarray:
    # 16-bit pictures rarely use all 16 bits: without a range of their own they would come out nearly black
    def brightness(every: np.ndarray, occurrences: Occurrences) -> np.ndarray:
        low, high = robust_range(every, occurrences.counts)
        notes.append("constant image" if low >= high else f"16 bit: values {low:g} to {high:g} (robust range) to 8 bit")
        return stretch(every, low, high)

    return to_bytes(values, brightness)
