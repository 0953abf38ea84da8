"""The first frame of a DICOM file as the integers that were stored."""

from __future__ import annotations

import numpy as np

from chex.pixels.codestream import Codestream, read_codestream
from chex.pixels.header import text, whole_number

MONOCHROME = ("MONOCHROME1", "MONOCHROME2")
PALETTE = "PALETTE COLOR"
COLOR = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")


def photometric_interpretation(dataset, notes: list[str]) -> str:
    """One of MONOCHROME, PALETTE and COLOR, with what contradicts it or is missing around it put right."""
    photometric = text(dataset, "PhotometricInterpretation") or ""
    samples = whole_number(dataset, "SamplesPerPixel")
    if samples is None:
        dataset.SamplesPerPixel = samples = 3 if photometric in COLOR else 1
    if samples == 1 and photometric in COLOR:
        notes.append(f"{photometric} with one sample per pixel, taken for MONOCHROME2")
        photometric = "MONOCHROME2"
    if samples == 3 and photometric not in COLOR:
        notes.append(f"{photometric} with three samples per pixel, taken for RGB")
        photometric = "RGB"
    if samples == 3 and whole_number(dataset, "PlanarConfiguration") not in (0, 1):
        notes.append("no Planar Configuration, taken for color by pixel")
        dataset.PlanarConfiguration = 0
    dataset.PhotometricInterpretation = photometric
    return photometric


def first_frame(dataset, notes: list[str]) -> tuple[np.ndarray, str, int]:
    """Decode it, with nothing but the stored bits left in the values.

    Returns:
        Integers (H, W), or (H, W, 3) for colour, the photometric interpretation that they have now, and how many bits
        they have: a compressed frame may hold fewer than the header says. The integers may be a view of the file.
    """
    from pydicom.pixels import get_decoder

    from chex.pixels.compressed import LOSSY, plugin_for

    frames = whole_number(dataset, "NumberOfFrames")
    if frames is not None and frames > 1:
        notes.append(f"first of {frames} frames")
    elif frames != 1:
        dataset.NumberOfFrames = 1
    syntax = dataset.file_meta.TransferSyntaxUID
    options = {"correct_unused_bits": False} if _words_as_stored(syntax) else {}
    if dataset.BitsAllocated == 16 and dataset.SamplesPerPixel == 1:
        options["view_only"] = True  # of what is not compressed; of what is packed or swapped there is no view
    values, properties = get_decoder(syntax).as_array(
        dataset, index=0, raw=True, decoding_plugin=plugin_for(syntax), **options
    )
    stored, high, stream = _place_of_bits(dataset, 8 * values.itemsize)
    exact = syntax not in LOSSY or (stream is not None and stream.reversible and _has_bits_above(values, high))
    return _without_unused_bits(values, stored, high, exact), str(properties["photometric_interpretation"]), stored


def _words_as_stored(syntax) -> bool:
    from pydicom.uid import JPEG2000TransferSyntaxes, JPEGLSTransferSyntaxes

    return syntax not in (*JPEG2000TransferSyntaxes, *JPEGLSTransferSyntaxes)


def _place_of_bits(dataset, width: int) -> tuple[int, int, Codestream | None]:
    """How many bits of a word are stored, the highest of them, and what a compressed frame says of itself."""
    from pydicom.encaps import get_frame

    stored, high, stream = int(dataset.BitsStored), whole_number(dataset, "HighBit"), None
    high = stored - 1 if high is None or not stored <= high + 1 <= width else high
    if dataset.file_meta.TransferSyntaxUID.is_encapsulated:
        frame = get_frame(dataset.PixelData, 0, number_of_frames=int(dataset.NumberOfFrames))
        stream = read_codestream(frame)
        if stream is not None and stream.precision <= high:  # the decoder has put the samples at the lower end
            stored = min(stored, stream.precision)
            high = stored - 1
    return stored, high, stream


def _without_unused_bits(values: np.ndarray, stored: int, high: int, exact: bool) -> np.ndarray:
    """Drop what lies beside the bits stored below the high one: overlays, or anything at all (PS3.5 8.1.1)."""
    width = 8 * values.itemsize
    if stored == width:
        return values
    # in place, if it is no view of the file: the values of a large picture are hundreds of megabytes
    into = values if values.flags.writeable else np.empty_like(values)
    if not exact:  # a little above the brightest value is bright, not black
        np.clip(values, *_ends(values, high), out=into)
        return into if high == stored - 1 else np.right_shift(into, high + 1 - stored, out=into)
    if high == stored - 1 and values.dtype.kind == "u":
        # to look is faster than to drop, and nearly always enough
        return values if values.max() < 2**stored else np.bitwise_and(values, 2**stored - 1, out=into)
    np.left_shift(values, width - 1 - high, out=into)
    return np.right_shift(into, width - stored, out=into)


def _ends(values: np.ndarray, high: int) -> tuple[int, int]:
    """The lowest and the highest value without any bit above the high one."""
    half = 2**high if values.dtype.kind == "i" else 0
    return -half, 2 ** (high + 1) - 1 - half


def _has_bits_above(values: np.ndarray, high: int) -> bool:
    # what was cut off a reversible frame brings values beyond the ends too, but none as far as this
    (low, top), far = _ends(values, high), 2 ** (high + 1) // 4
    return bool(values.min() < low - far or values.max() > top + far)
