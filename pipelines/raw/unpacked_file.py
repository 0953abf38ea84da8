"""A raw dataset's text file, read piece by piece and unpacked on the way: none lies in memory as a whole."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Callable
from typing import BinaryIO

from pipelines.adapters import SourceError

_FETCHED = 2**20  # bytes at once: each time is a request to an object store
MOST_BYTES = 2**31  # once unpacked; ten times the largest table known, a decompression bomb has more


def open_unpacked(place: str, size: int, read_part: Callable[[int, int], bytes]) -> BinaryIO:
    """What a file of `size` bytes holds, decompressed if its name, the end of `place`, says so.

    Args:
        place: what messages call the file.
        size: its length in bytes, as it is stored.
        read_part: (start, end) -> these bytes of the file.

    Raises:
        SourceError: it is too large; reading raises the same, and if the file cannot be read or is no gzip file.
    """
    if size > MOST_BYTES:
        raise _too_large(place)
    stored = io.BufferedReader(_Stored(place, size, read_part), _FETCHED)
    return io.BufferedReader(_Unpacked(place, gzip.open(stored))) if place.endswith(".gz") else stored


class _Stored(io.RawIOBase):
    def __init__(self, place: str, size: int, read_part: Callable[[int, int], bytes]) -> None:
        self._place, self._size, self._read_part = place, size, read_part
        self._position = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:
        end = min(self._position + len(buffer), self._size)
        if end == self._position:
            return 0
        try:
            content = self._read_part(self._position, end)
        except OSError as error:
            raise unreadable(self._place, error) from error
        buffer[: len(content)] = content
        self._position += len(content)
        return len(content)


class _Unpacked(io.RawIOBase):
    def __init__(self, place: str, packed: gzip.GzipFile) -> None:
        self._place, self._packed = place, packed
        self._count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:
        try:
            count = self._packed.readinto(buffer)
        except (OSError, EOFError, zlib.error) as error:
            raise SourceError(
                f"{self._place}: expected a complete gzip file; found one that is not: {reason_of(error)}"
            ) from error
        self._count += count
        if self._count > MOST_BYTES:
            raise _too_large(self._place)
        return count


def unreadable(place: str, error: OSError) -> SourceError:
    """The refusal of a file that the file system does not give."""
    return SourceError(f"{place}: expected a readable file; found one that is not: {reason_of(error)}")


def reason_of(error: Exception) -> str:
    """What a message may say of a fault of the file system: no path."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _too_large(place: str) -> SourceError:
    return SourceError(f"{place}: expected at most {MOST_BYTES // 2**20} MiB, unpacked; found more")
