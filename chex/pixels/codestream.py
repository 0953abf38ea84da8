"""What a compressed frame says about itself: decoders believe it, whatever the DICOM header says."""

from __future__ import annotations

from typing import NamedTuple

_START_OF_JPEG = b"\xff\xd8"
_START_OF_JPEG_2000 = b"\xff\x4f\xff\x51"  # with the marker of its size segment, which always comes first
# start of frame: JPEG has one per kind of coding, JPEG-LS its own
_FRAME_MARKERS = frozenset({0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF, 0xF7})
_APPLICATION_MARKERS = range(0xE0, 0xF0)
_LONGEST_WRAPPER = 1024  # boxes of a JP2 file before the codestream
_LONGEST_HEADER = 1024  # of what is read of JPEG 2000: the size comes first, the coding style soon after it
_CODING_STYLE, _START_OF_TILE = 0x52, 0x90
_JPEG_LS, _START_OF_SCAN = 0xF7, b"\xff\xda"


class Codestream(NamedTuple):
    """The picture that a decoder will make of a frame."""

    height: int
    width: int
    components: int
    precision: int  # bits per sample
    transformed: bool | None = None  # colour is stored as luminance and chrominance; None: not said
    reversible: bool = False  # coded so that it can come out as it went in; JPEG 2000 may be cut short nevertheless


def read_codestream(frame: bytes) -> Codestream | None:
    """The header of a JPEG, JPEG-LS or JPEG 2000 frame; None if it is none of these or ends before it says so."""
    start = frame.find(_START_OF_JPEG_2000, 0, _LONGEST_WRAPPER)
    if start >= 0:
        return _read_jpeg_2000(frame[start : start + _LONGEST_HEADER])
    return _read_jpeg(frame) if frame.startswith(_START_OF_JPEG) else None


def _read_jpeg_2000(header: bytes) -> Codestream | None:
    if len(header) < 43:
        return None
    right, bottom, left, top = (int.from_bytes(header[place : place + 4], "big") for place in (8, 12, 16, 20))
    components = int.from_bytes(header[40:42], "big")
    precision = (header[42] & 0x7F) + 1
    return Codestream(bottom - top, right - left, components, precision, reversible=_has_reversible_wavelet(header))


def _has_reversible_wavelet(header: bytes) -> bool:
    place = len(_START_OF_JPEG)
    while place + 14 <= len(header) and header[place + 1] != _START_OF_TILE:
        if header[place + 1] == _CODING_STYLE:
            return header[place + 13] == 1
        place += 2 + int.from_bytes(header[place + 2 : place + 4], "big")
    return False


def _read_jpeg(frame: bytes) -> Codestream | None:
    place, transformed = len(_START_OF_JPEG), None
    while place + 10 <= len(frame):
        if frame[place] != 0xFF:
            return None
        marker, length = frame[place + 1], int.from_bytes(frame[place + 2 : place + 4], "big")
        content = frame[place + 4 : place + 2 + length]
        if marker in _FRAME_MARKERS:
            if content[6::3][:3] in (b"RGB", b"rgb"):  # the names of the components
                transformed = False
            if len(content) < 6:
                return None
            height, width = int.from_bytes(content[1:3], "big"), int.from_bytes(content[3:5], "big")
            reversible = marker == _JPEG_LS and _allows_no_error(frame[place:])
            return Codestream(height, width, content[5], content[0], transformed, reversible)
        if marker in _APPLICATION_MARKERS and content.startswith(b"JFIF"):
            transformed = True
        if marker in _APPLICATION_MARKERS and content.startswith(b"Adobe") and len(content) >= 12:
            transformed = content[11] != 0
        place += 1 if marker == 0xFF else 2 + length  # the former is a fill byte
    return None


def _allows_no_error(jpeg_ls: bytes) -> bool:
    """Whether the first scan of JPEG-LS is lossless: it says how far values may be from what they were."""
    _, _, scan = jpeg_ls[:_LONGEST_HEADER].partition(_START_OF_SCAN)
    bound = 3 + 2 * scan[2] if len(scan) > 2 else 0  # after the length and the components with their tables
    return len(scan) > bound > 0 and scan[bound] == 0
