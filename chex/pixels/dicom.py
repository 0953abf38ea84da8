"""DICOM files to radiographs: what is refused and why, and the first frame of what is not."""

from __future__ import annotations

import warnings
from contextlib import contextmanager

import numpy as np

from chex.pixels import Radiograph, UnusableImage, check_declared_size
from chex.pixels.codestream import declared_size
from chex.pixels.grayscale import to_bytes
from chex.pixels.inflation import GuardedFile
from chex.pixels.presentation import brightness

RADIOGRAPHS = ("CR", "DX", "RG")
UNCERTAIN = ("OT", "SC")
_NEEDED = ("Rows", "Columns", "BitsAllocated", "BitsStored", "PixelRepresentation", "PhotometricInterpretation")
_PIXEL_DATA = b"\xe0\x7f\x10\x00"


def has_marker(data: bytes) -> bool:
    return data[128:132] == b"DICM"


def read(data: bytes, sha256: str) -> Radiograph:
    """Decode the first frame of a DICOM file.

    Raises:
        UnusableImage: no radiograph, no pixels, truncated, or too large.
    """
    import pydicom

    with _silenced():
        try:
            dataset = pydicom.dcmread(GuardedFile(data))
        except UnusableImage:
            raise
        except Exception as error:  # a header cut in the middle fails in every way there is
            raise UnusableImage("decode", "the DICOM header is truncated or broken") from error
        if "PixelData" not in dataset:
            raise UnusableImage("decode", _why_no_pixels(data))
        return _radiograph(dataset, sha256, [])


def read_without_marker(data: bytes, sha256: str) -> Radiograph:
    """Decode a file that is called a DICOM file but lacks the preamble, as old scanners write them."""
    import pydicom

    with _silenced():
        try:
            dataset = pydicom.dcmread(GuardedFile(data), force=True)
            known = str(dataset.get("SOPClassUID", "")).startswith("1.2.840.10008.5.1.4.")
        except UnusableImage:
            raise
        except Exception as error:  # arbitrary bytes read as DICOM fail in every way there is
            raise UnusableImage("read", f"not a DICOM file: it starts with {data[:8]!r}") from error
        if not known:
            raise UnusableImage("read", f"not a DICOM file: it starts with {data[:8]!r}")
        if "PixelData" not in dataset:
            raise UnusableImage("decode", f"no pixel data ({dataset.SOPClassUID.name})")
        if "TransferSyntaxUID" not in dataset.file_meta:
            implicit, little = dataset.original_encoding
            syntax = pydicom.uid.ImplicitVRLittleEndian if implicit else pydicom.uid.ExplicitVRLittleEndian
            dataset.file_meta.TransferSyntaxUID = syntax if little else pydicom.uid.ExplicitVRBigEndian
        return _radiograph(dataset, sha256, ["no DICOM preamble"])


@contextmanager
def _silenced():
    # pydicom's warnings quote element values, and these may name a patient
    import pydicom

    with pydicom.config.disable_value_validation(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _why_no_pixels(data: bytes) -> str:
    """The reason why a file gave no pixel data: it has none, or it was cut off somewhere."""
    import pydicom

    header = pydicom.dcmread(GuardedFile(data), stop_before_pixels=True)
    kind = header.get("SOPClassUID")
    announced = header.file_meta.get("MediaStorageSOPClassUID")
    if kind is None and announced and "Image" not in announced.name:
        return f"no pixel data ({announced.name})"  # a DICOMDIR, for one
    if kind is None:
        return f"the file is truncated: it ends within its header, after {len(data)} bytes"
    start = max(data.find(_PIXEL_DATA + form) for form in (b"OB", b"OW"))
    if start < 0:
        cut = "Rows" in header or "Image" in kind.name
        return f"no pixel data ({kind.name})" + ("; the file may be truncated" if cut else "")
    end = start + 12
    while end + 8 <= len(data):  # fragment after fragment, each with its length
        end += 8 + int.from_bytes(data[end + 4 : end + 8], "little")
    return f"pixel data is truncated: expected at least {end - start} bytes, found {len(data) - start}"


def _radiograph(dataset, sha256: str, notes: list[str]) -> Radiograph:
    modality = _text(dataset, "Modality")
    _refuse(dataset, modality)
    if modality not in RADIOGRAPHS:
        notes.append(f"modality {modality or 'missing'}, taken for a radiograph")
    values = _first_frame(dataset, notes)
    pixels = to_bytes(values, lambda every, occurrences: brightness(dataset, every, occurrences, notes))
    return Radiograph(
        pixels=pixels,
        notes=tuple(notes),
        view=_text(dataset, "ViewPosition"),
        modality=modality,
        body_part=_text(dataset, "BodyPartExamined"),
        sop_instance_uid=_text(dataset, "SOPInstanceUID"),
        study_instance_uid=_text(dataset, "StudyInstanceUID"),
        sha256=sha256,
    )


def _text(dataset, keyword: str) -> str | None:
    return str(dataset.get(keyword) or "").strip().upper() or None


def _refuse(dataset, modality: str | None) -> None:
    """Everything that is wrong with the file at once, before anything is decoded."""
    missing = [keyword for keyword in _NEEDED if keyword not in dataset]
    if missing:
        raise UnusableImage("decode", f"the elements {', '.join(missing)} are missing")
    problems = []
    if modality not in (*RADIOGRAPHS, *UNCERTAIN, None):
        problems.append(f"Modality {modality} is not a radiograph")
    check_declared_size(int(dataset.Rows), int(dataset.Columns))
    expected, found = _expected_bytes(dataset), len(dataset.PixelData)
    if expected is not None and found < expected:
        problems.insert(0, f"pixel data is truncated: expected {expected} bytes, found {found}")
    if dataset.BitsAllocated > 16:
        problems.append(f"BitsAllocated {dataset.BitsAllocated} is not supported (expected 1 to 16)")
    problems += _contradictions(dataset)
    if problems:
        raise UnusableImage("decode", "; ".join(problems))


def _contradictions(dataset) -> list[str]:
    """What the compressed frame says otherwise than the header: decoders would make room for it, or be killed by it."""
    from pydicom.encaps import get_frame

    if not dataset.file_meta.TransferSyntaxUID.is_encapsulated:
        return []
    frame = get_frame(dataset.PixelData, 0, number_of_frames=int(dataset.get("NumberOfFrames") or 1))
    size, announced = declared_size(frame), (int(dataset.Rows), int(dataset.Columns))
    if size in (None, announced):
        return []
    return [f"the compressed picture declares {size[0]} x {size[1]} pixels, the header {announced[0]} x {announced[1]}"]


def _expected_bytes(dataset) -> int | None:
    """The length of uncompressed pixel data; None for compressed data, whose length is not declared."""
    if dataset.file_meta.TransferSyntaxUID.is_encapsulated:
        return None
    samples = int(dataset.get("SamplesPerPixel", 1))
    if dataset.get("PhotometricInterpretation") == "YBR_FULL_422":
        samples = 2
    frames = int(dataset.get("NumberOfFrames") or 1)
    return (int(dataset.Rows) * int(dataset.Columns) * samples * int(dataset.BitsAllocated) * frames + 7) // 8


def _first_frame(dataset, notes: list[str]) -> np.ndarray:
    """Integers (H, W): the first frame, colour reduced to luminance."""
    from pydicom.pixels import apply_color_lut, pixel_array

    from chex.pixels.compressed import plugin_for

    frames = int(dataset.get("NumberOfFrames") or 1)
    if frames > 1:
        notes.append(f"first of {frames} frames")
    syntax = dataset.file_meta.TransferSyntaxUID
    values = pixel_array(dataset, index=0, decoding_plugin=plugin_for(syntax))
    if dataset.PhotometricInterpretation == "PALETTE COLOR":
        values = apply_color_lut(values, dataset)
        values = (values >> 8).astype(np.uint8) if values.dtype == np.uint16 else values
    if values.ndim == 3:
        notes.append("color converted to gray")
        return np.rint(values[..., :3] @ np.array((0.299, 0.587, 0.114))).astype(np.int32)
    return values
