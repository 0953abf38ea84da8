"""DICOM files that are no radiograph: everything that can be told before anything is decoded."""

from __future__ import annotations

from chex.pixels import UnusableImage, check_declared_size
from chex.pixels.codestream import read_codestream
from chex.pixels.frame import COLOR, MONOCHROME, PALETTE
from chex.pixels.header import text, whole_number
from chex.pixels.inflation import GuardedFile

RADIOGRAPHS = ("CR", "DX", "RG")
UNCERTAIN = ("OT", "SC", "DR", "XR")  # the latter are no terms of DICOM: what sites write for DX and CR
_NEEDED = ("Rows", "Columns", "BitsAllocated", "BitsStored", "PixelRepresentation", "PhotometricInterpretation")
_PIXEL_DATA = b"\xe0\x7f\x10\x00"


def refuse_unusable(dataset) -> None:
    """Everything that is wrong with a file at once.

    Raises:
        UnusableImage: no radiograph, truncated, too large, or stored in a way that nothing here reads.
    """
    missing = [keyword for keyword in _NEEDED if keyword not in dataset]
    if missing:
        raise UnusableImage("decode", f"the elements {', '.join(missing)} are missing")
    unreadable = [keyword for keyword in _NEEDED[:-1] if whole_number(dataset, keyword) is None]
    if unreadable:
        raise UnusableImage("decode", f"the elements {', '.join(unreadable)} hold no number")
    check_declared_size(int(dataset.Rows), int(dataset.Columns))
    problems = [*_way_of_storing(dataset), *_modality(dataset)]
    if _is_supported(dataset.file_meta.TransferSyntaxUID):
        problems = [*_truncation(dataset), *problems]
    if not problems:
        problems = _contradictions(dataset)
    if problems:
        raise UnusableImage("decode", "; ".join(problems))


def why_no_pixels(data: bytes) -> str:
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


def _modality(dataset) -> list[str]:
    modality = text(dataset, "Modality")
    return [] if modality in (*RADIOGRAPHS, *UNCERTAIN, None) else [f"Modality {modality} is not a radiograph"]


def _truncation(dataset) -> list[str]:
    expected, found = _expected_bytes(dataset), len(dataset.PixelData or b"")
    if found == 0:
        return ["the pixel data is empty"]
    if expected is None or found >= expected:
        return []
    return [f"pixel data is truncated: expected {expected} bytes, found {found}"]


def _expected_bytes(dataset) -> int | None:
    """The length of uncompressed pixel data; None for compressed data, whose length is not declared."""
    if dataset.file_meta.TransferSyntaxUID.is_encapsulated:
        return None
    samples = whole_number(dataset, "SamplesPerPixel") or 1
    if text(dataset, "PhotometricInterpretation") == "YBR_FULL_422":
        samples = 2
    frames = max(1, whole_number(dataset, "NumberOfFrames") or 1)
    return (int(dataset.Rows) * int(dataset.Columns) * samples * int(dataset.BitsAllocated) * frames + 7) // 8


def _way_of_storing(dataset) -> list[str]:
    problems = []
    syntax, photometric = dataset.file_meta.TransferSyntaxUID, text(dataset, "PhotometricInterpretation")
    if not _is_supported(syntax):
        problems.append(f"transfer syntax {syntax.name} is not supported")
    if dataset.BitsAllocated not in (1, 8, 16):
        problems.append(f"BitsAllocated {dataset.BitsAllocated} is not supported (expected 8 or 16)")
    elif not 1 <= dataset.BitsStored <= dataset.BitsAllocated:
        problems.append(f"BitsStored {dataset.BitsStored} does not fit BitsAllocated {dataset.BitsAllocated}")
    if photometric not in (*MONOCHROME, PALETTE, *COLOR):
        known = ", ".join((*MONOCHROME, PALETTE, *COLOR))
        problems.append(f"PhotometricInterpretation {str(photometric)[:16]} is not supported (expected {known})")
    return problems


def _is_supported(syntax) -> bool:
    from pydicom.pixels import get_decoder

    try:
        get_decoder(syntax)
    except NotImplementedError:
        return False
    return True


def _contradictions(dataset) -> list[str]:
    """What the compressed frame says otherwise than the header: decoders would make room for it, or be killed by it."""
    from pydicom.encaps import get_frame

    if not dataset.file_meta.TransferSyntaxUID.is_encapsulated:
        return []
    frames = max(1, whole_number(dataset, "NumberOfFrames") or 1)
    stream = read_codestream(get_frame(dataset.PixelData, 0, number_of_frames=frames))
    if stream is None:
        return []
    problems = []
    rows, columns = int(dataset.Rows), int(dataset.Columns)
    if (stream.height, stream.width) != (rows, columns):
        problems.append(
            f"the compressed picture declares {stream.height} x {stream.width} pixels, the header {rows} x {columns}"
        )
    samples = whole_number(dataset, "SamplesPerPixel")
    if samples is not None and stream.components != samples:
        problems.append(f"the compressed picture has {stream.components} samples per pixel, the header {samples}")
    if stream.precision > dataset.BitsAllocated:
        problems.append(f"the compressed picture has {stream.precision} bits, BitsAllocated {dataset.BitsAllocated}")
    return problems
