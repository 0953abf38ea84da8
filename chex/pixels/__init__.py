"""Encoded files to grayscale: the only decoder in the project, and the encoder of the stored images.

Bytes that cannot become a radiograph raise `UnusableImage`; nothing else does.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL.Image import Image

PIXEL_LIMIT = 100_000_000  # declared pixels; more is a decompression bomb, not a radiograph


class UnusableImage(ValueError):
    """An input that is no usable radiograph: the stage that refused it, and a reason a person can act on."""

    def __init__(self, stage: str, reason: str) -> None:
        super().__init__(f"{stage}: {reason}")
        self.stage = stage
        self.reason = reason

    def __reduce__(self) -> tuple:
        return type(self), (self.stage, self.reason)


@dataclass(frozen=True, slots=True)
class Radiograph:
    """One decoded radiograph, bone bright.

    `pixels` are (H, W) uint8, at full size unless a shorter side was asked for, and may be read-only; `notes` say what
    was done to them, in order, their size left aside.
    """

    pixels: np.ndarray
    notes: tuple[str, ...]
    view: str | None = None  # ViewPosition as the file spells it, in upper case, or what the code of the view says
    modality: str | None = None
    body_part: str | None = None  # BodyPartExamined in upper case; judging it is left to the caller
    sop_instance_uid: str | None = None
    study_instance_uid: str | None = None
    orientation: tuple[str, ...] = field(default=(), kw_only=True)  # PatientOrientation in upper case, judged elsewhere
    for_processing: bool = field(default=False, kw_only=True)  # raw values, which nobody is meant to read
    sha256: str = field(default="", kw_only=True)  # of the encoded bytes
    full_size: tuple[int, int] | None = field(default=None, kw_only=True)  # (height, width); None: that of `pixels`

    @property
    def height(self) -> int:
        """Rows of the picture in the file."""
        return (self.full_size or self.pixels.shape)[0]

    @property
    def width(self) -> int:
        """Columns of the picture in the file."""
        return (self.full_size or self.pixels.shape)[1]


def read_radiograph(data: bytes, name: str, shorter_side: int | None = None) -> Radiograph:
    """Decode a DICOM, JPEG or PNG file; what it is is told by its bytes, not by its name.

    Args:
        data: the whole file.
        name: its file name; only its ending is used, to tell whether a file without DICOM's marker may be one.
        shorter_side: of `pixels`, in pixels; None leaves the picture as it is, and smaller ones are never enlarged.
            The pixels are those that `resize` makes of the whole picture.

    Raises:
        UnusableImage: no radiograph can be made of these bytes.
        ValueError: `shorter_side` is below 1.
    """
    if shorter_side is not None and shorter_side < 1:
        raise ValueError(f"shorter_side must be at least 1; found {shorter_side}")
    radiograph = _decoded(data, name, shorter_side)
    if shorter_side is None or radiograph.full_size is not None:
        return radiograph
    full_size = radiograph.pixels.shape
    return replace(radiograph, pixels=resize(radiograph.pixels, *shrunk(*full_size, shorter_side)), full_size=full_size)


def header_alone(data: bytes) -> bytes | None:
    """What `read_radiograph` could read, without pixels and other bulk, as a DICOM file; None for a JPEG or PNG.

    Elements are kept as they were written, private ones and broken ones too.
    """
    from chex.pixels import without_bulk

    return without_bulk.header_alone(data)


def shrunk(height: int, width: int, shorter_side: int) -> tuple[int, int]:
    """(height, width) with that shorter side and the same proportions; unchanged where it is smaller already."""
    scale = min(1.0, shorter_side / min(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def _decoded(data: bytes, name: str, shorter_side: int | None) -> Radiograph:
    """At full size, or resized already where that saves work."""
    from chex.pixels import dicom, pictures
    from chex.pixels.file_names import suffix_of

    if not data:
        raise UnusableImage("read", "the file is empty")
    sha256 = hashlib.sha256(data).hexdigest()
    try:
        if dicom.has_marker(data):
            return dicom.read(data, sha256)
        if pictures.is_picture(data):
            return pictures.read(data, sha256, shorter_side)
        if suffix_of(name) in ("", ".dcm", ".dicom", ".dic", ".ima"):
            return dicom.read_without_marker(data, sha256)
    except UnusableImage:
        raise
    except Exception as error:  # the decoders raise whatever they please on broken input
        reason = " ".join(str(error).split())[:200]
        raise UnusableImage("decode", f"cannot be decoded: {reason or type(error).__name__}") from error
    raise UnusableImage("read", f"not a DICOM, JPEG or PNG file: it starts with {data[:8]!r}")


def resize(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    """Antialiased resize of uint8 (H, W) to (height, width).

    Raises:
        ValueError: not a uint8 (H, W) array, or a size below 1.
    """
    from PIL import Image

    _check_stored(pixels)
    if height < 1 or width < 1:
        raise ValueError(f"height and width must be at least 1; found {height} and {width}")
    if pixels.shape == (height, width):
        return pixels
    return resize_picture(Image.fromarray(np.ascontiguousarray(pixels)), height, width)


def resize_picture(image: Image, height: int, width: int) -> np.ndarray:
    """The same for a grayscale Pillow image, which need not become an array first."""
    from PIL.Image import Resampling

    # the gap makes a large reduction in two steps: twice as fast, no visible difference
    return np.asarray(image.resize((width, height), Resampling.BILINEAR, reducing_gap=3.0))


def encode_stored(pixels: np.ndarray) -> bytes:
    """Lossless PNG of uint8 (H, W)."""
    import imagecodecs

    _check_stored(pixels)
    # On radiographs the Paeth filter with run lengths and Huffman codes alone is smaller than deflate's default, and
    # ten times as fast.
    return imagecodecs.png_encode(
        np.ascontiguousarray(pixels),
        level=1,
        strategy=imagecodecs.PNG.STRATEGY.RLE,
        filter=imagecodecs.PNG.FILTER.PAETH,
    )


def decode_stored(data: bytes) -> np.ndarray:
    """The uint8 (H, W) array of a stored image.

    Raises:
        ValueError: these are not the bytes of an 8-bit grayscale PNG.
    """
    import imagecodecs

    try:
        pixels = imagecodecs.png_decode(data)
    except (imagecodecs.PngError, ValueError, TypeError) as error:
        raise ValueError(f"expected an 8-bit grayscale PNG; {len(data)} bytes are not: {error}") from error
    _check_stored(pixels)
    return pixels


def _check_stored(pixels: np.ndarray) -> None:
    if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8 or pixels.ndim != 2 or pixels.size == 0:
        found = f"{pixels.dtype} {pixels.shape}" if isinstance(pixels, np.ndarray) else type(pixels).__name__
        raise ValueError(f"expected a uint8 array (H, W); found {found}")


def check_declared_size(height: int, width: int) -> None:
    """Refuse before decoding what would not fit.

    Raises:
        UnusableImage: no pixels at all, or more than `PIXEL_LIMIT`.
    """
    if height < 1 or width < 1:
        raise UnusableImage("decode", f"declares {height} x {width} pixels")
    if height * width > PIXEL_LIMIT:
        raise UnusableImage(
            "decode", f"declares {height} x {width} pixels; more than {PIXEL_LIMIT // 1_000_000} million are refused"
        )
