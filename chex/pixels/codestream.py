"""What a compressed frame says about itself: decoders believe it, whatever the DICOM header says."""

from __future__ import annotations

from typing import NamedTuple

_START_OF_JPEG = b"\xff\xd8"
_START_OF_JPEG_2000 = b"\xff\x4f\xff\x51"  # with the marker of its size segment, which always comes first
# start of frame: JPEG has one per kind of coding, JPEG-LS its own
_FRAME_MARKERS = frozenset({0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF, 0xF7})
_APPLICATION_MARKERS = range(0xE0, 0xF0)
_LONGEST_WRAPPER = 1024  # boxes of a JP2 file before the codestream


class Codestream(NamedTuple):
    """The picture that a decoder will make of a frame."""

    height: int
    width: int
    components: int
    precision: int  # bits per sample
    transformed: bool | None = None  # colour is stored as luminance and chrominance; None: not said


def read_codestream(frame: bytes) -> Codestream | None:
    """The header of a JPEG, JPEG-LS or JPEG 2000 frame; None if it is none of these or ends before it says so."""
    start = frame.find(_START_OF_JPEG_2000, 0, _LONGEST_WRAPPER)
    if start >= 0:
        return _read_jpeg_2000(frame[start : start + 43])
    return _read_jpeg(frame) if frame.startswith(_START_OF_JPEG) else None


def _read_jpeg_2000(header: bytes) -> Codestream | None:
    if len(header) < 43:
        return None
    right, bottom, left, top = (int.from_bytes(header[place : place + 4], "big") for place in (8, 12, 16, 20))
    components = int.from_bytes(header[40:42], "big")
    return Codestream(bottom - top, right - left, components, (header[42] & 0x7F) + 1)


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
            height, width = int.from_bytes(content[1:3], "big"), int.from_bytes(content[3:5], "big")
            return Codestream(height, width, content[5], content[0], transformed) if len(content) >= 6 else None
        if marker in _APPLICATION_MARKERS and content.startswith(b"JFIF"):
            transformed = True
        if marker in _APPLICATION_MARKERS and content.startswith(b"Adobe") and len(content) >= 12:
            transformed = content[11] != 0
        place += 1 if marker == 0xFF else 2 + length  # the former is a fill byte
    return None
