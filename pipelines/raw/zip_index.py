"""Where the members of a zip archive lie, in a few megabytes however many there are.

Python's own zipfile keeps an object of 800 bytes per member in every process that opens the archive; of the 243,310
scene graphs each worker needs a few hundred. Layout: PKWARE APPNOTE.TXT 6.3.10, sections 4.3.7 to 4.3.16.
"""

from __future__ import annotations

import struct
import zlib
from array import array
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from pipelines.raw.folder import RawFolder

_END, _END_64, _LOCATOR_64 = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"
_ENTRY = struct.Struct("<4s6H3I5H2I")  # of the central directory, 46 bytes and the name behind it
_LOCAL = struct.Struct("<4s5H3I2H")  # before each member's data
_LONGEST_END = 22 + 2**16 + 20 + 56  # with the longest comment and the records of archives of 4 GB and more
_STORED, _DEFLATED = 0, 8
_ENCRYPTED = 1
_COLUMNS = ("offset", "packed_size", "size", "checksum", "method", "flags")
_NAME_GUESS = 512  # bytes read with a member beyond its data, for the name and the extra fields before it


class BadArchive(ValueError):
    """The archive or one of its members cannot be read; says why."""


@dataclass(frozen=True, slots=True)
class Member:
    name: str  # the last part of its path
    offset: int
    packed_size: int
    size: int
    checksum: int
    method: int
    flags: int


class ZipIndex:
    """The members of one archive by the last part of their names; of two of the same name the later one counts."""

    def __init__(self, root: RawFolder, name: str) -> None:
        self._root = root
        self._name = name
        numbers = array("q")
        for member in _members(_directory(root, name)):
            numbers.append(hash(member.name))
            numbers.extend(getattr(member, column) for column in _COLUMNS)
        columns = np.frombuffer(numbers, dtype=np.int64).reshape(-1, 1 + len(_COLUMNS))
        # stable and read from the right: the last of several entries of a name is found
        self._columns = columns[np.argsort(columns[:, 0], kind="stable")]

    def __len__(self) -> int:
        return len(self._columns)

    def find(self, name: str) -> Member | None:
        """The member whose last name is `name`, or None."""
        position = int(np.searchsorted(self._columns[:, 0], hash(name), side="right")) - 1
        if position < 0 or self._columns[position, 0] != hash(name):
            return None
        return Member(name, *(int(value) for value in self._columns[position, 1:]))

    def read(self, member: Member) -> bytes:
        """What was packed.

        Raises:
            BadArchive: encrypted, packed in another way than zip archives commonly are, or damaged.
        """
        if member.flags & _ENCRYPTED:
            raise BadArchive("it is encrypted")
        if member.method not in (_STORED, _DEFLATED):
            raise BadArchive(f"compression method {member.method} is neither stored nor deflated")
        return _unpacked(self._packed(member), member)

    def _packed(self, member: Member) -> bytes:
        end = member.offset + _LOCAL.size + _NAME_GUESS + member.packed_size
        content = self._root.read_part(self._name, member.offset, end)
        if len(content) < _LOCAL.size or not content.startswith(b"PK\x03\x04"):
            raise BadArchive("there is no member where the archive's directory says")
        *_, name_length, extra_length = _LOCAL.unpack_from(content)
        start = _LOCAL.size + name_length + extra_length
        found = content[_LOCAL.size : _LOCAL.size + name_length]
        if not found.endswith(member.name.encode()) and not found.endswith(member.name.encode("cp437", "replace")):
            raise BadArchive("another member lies where the archive's directory says")
        if start + member.packed_size > len(content) and start > _LOCAL.size + _NAME_GUESS:
            begin = member.offset + start
            return self._root.read_part(self._name, begin, begin + member.packed_size)
        return content[start : start + member.packed_size]


def _unpacked(packed: bytes, member: Member) -> bytes:
    content = packed
    if member.method == _DEFLATED:
        try:
            # one byte more than promised: what is longer is damaged, and never fills the memory
            content = zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, member.size + 1)
        except zlib.error as error:
            raise BadArchive(str(error)) from error
    if len(content) != member.size:
        raise BadArchive(f"expected {member.size:,} bytes; found {'more' if len(content) > member.size else 'fewer'}")
    if zlib.crc32(content) != member.checksum:
        raise BadArchive("its checksum is wrong")
    return content


def _directory(root: RawFolder, name: str) -> memoryview:
    """The archive's table of contents."""
    length = root.size(name)
    tail_start = max(0, length - _LONGEST_END)
    tail = root.read_part(name, tail_start, length)
    at = tail.rfind(_END)
    if at < 0 or len(tail) - at < 22:
        raise BadArchive("it has no table of contents at its end: is the file complete?")
    size, start = struct.unpack_from("<2I", tail, at + 12)
    end = tail_start + at
    if at >= 20 and tail[at - 20 : at - 16] == _LOCATOR_64:
        end = struct.unpack_from("<Q", tail, at - 12)[0]
        record = root.read_part(name, end, end + 56)
        if len(record) < 56 or not record.startswith(_END_64):
            raise BadArchive("its table of contents cannot be found")
        size, start = struct.unpack_from("<2Q", record, 40)
    if start + size > end:
        raise BadArchive("its table of contents lies beyond its end: is the file complete?")
    return memoryview(root.read_part(name, start, start + size))


def _members(directory: memoryview) -> Iterator[Member]:
    at = 0
    while at < len(directory):
        if len(directory) - at < _ENTRY.size or directory[at : at + 4] != b"PK\x01\x02":
            raise BadArchive("its table of contents is damaged")
        _, _, _, flags, method, _, _, checksum, packed, size, name_length, extra_length, comment_length, *rest = (
            _ENTRY.unpack_from(directory, at)
        )
        at += _ENTRY.size
        name = bytes(directory[at : at + name_length]).decode("utf-8" if flags & 0x800 else "cp437", "replace")
        extra = directory[at + name_length : at + name_length + extra_length]
        at += name_length + extra_length + comment_length
        if name.endswith("/"):
            continue
        size, packed, offset = _sizes(size, packed, rest[-1], extra)
        yield Member(name.rsplit("/", 1)[-1], offset, packed, size, checksum, method, flags)


def _sizes(size: int, packed: int, offset: int, extra: memoryview) -> tuple[int, int, int]:
    """The three numbers, taken from the extra field where they need more than 32 bits (4.5.3)."""
    numbers = [size, packed, offset]
    while len(extra) >= 4:
        kind, length = struct.unpack_from("<2H", extra)
        if kind == 1:
            wide = [position for position, number in enumerate(numbers) if number == 0xFFFFFFFF]
            if length < 8 * len(wide) or len(extra) < 4 + length:
                raise BadArchive("its table of contents is damaged")
            for position, number in zip(wide, struct.unpack_from(f"<{len(wide)}Q", extra, 4), strict=True):
                numbers[position] = number
        extra = extra[4 + length :]
    return numbers[0], numbers[1], numbers[2]
