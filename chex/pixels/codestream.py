"""What a compressed frame itself says about its size: decoders believe it, whatever the DICOM header says."""

from __future__ import annotations

_START_OF_JPEG = b"\xff\xd8"
_START_OF_JPEG_2000 = b"\xff\x4f\xff\x51"  # with the marker of its size segment, which always comes first
# start of frame: JPEG has one per kind of coding, JPEG-LS its own
_FRAME_MARKERS = frozenset({0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF, 0xF7})
_LONGEST_WRAPPER = 1024  # boxes of a JP2 file before the codestream


def declared_size(frame: bytes) -> tuple[int, int] | None:
    """(height, width) of a JPEG, JPEG-LS or JPEG 2000 frame; None if it is none of these or ends before it says so."""
    start = frame.find(_START_OF_JPEG_2000, 0, _LONGEST_WRAPPER)
    if start >= 0:
        return _size_of_jpeg_2000(frame[start : start + 24])
    return _size_of_jpeg(frame) if frame.startswith(_START_OF_JPEG) else None


def _size_of_jpeg_2000(header: bytes) -> tuple[int, int] | None:
    if len(header) < 24:
        return None
    right, bottom, left, top = (int.from_bytes(header[place : place + 4], "big") for place in (8, 12, 16, 20))
    return bottom - top, right - left


def _size_of_jpeg(frame: bytes) -> tuple[int, int] | None:
    place = len(_START_OF_JPEG)
    while place + 9 <= len(frame):
        if frame[place] != 0xFF:
            return None
        marker = frame[place + 1]
        if marker in _FRAME_MARKERS:
            return int.from_bytes(frame[place + 5 : place + 7], "big"), int.from_bytes(
                frame[place + 7 : place + 9], "big"
            )
        if marker == 0xFF:  # a fill byte
            place += 1
        else:
            place += 2 + int.from_bytes(frame[place + 2 : place + 4], "big")
    return None
