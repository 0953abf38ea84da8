"""How pydicom reads a DICOM file: pixels are not copied, and one that inflates to more than would fit is refused."""

from __future__ import annotations

import io
import zlib

from chex.pixels import UnusableImage

INFLATED_LIMIT = 2**29
_STEP = 2**24
_NOT_COPIED = 2**20  # bytes and more; only pixels and other bulk are that large
_ITEM = b"\xfe\xff\x00\xe0"  # what holds items is read as a file once more, and for that copied


class GuardedFile(io.BytesIO):
    """A DICOM file for pydicom, which asks for all the rest of it at once only in order to inflate it.

    The value of a large element is a view of the file's bytes: pixels need not be copied to be seen.
    """

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self._whole = memoryview(data)

    def read(self, size: int | None = -1, /) -> bytes | memoryview:
        if size is None or size < 0:
            content = super().read()
            _refuse_bomb(content)
            return content
        value = self._whole[self.tell() : self.tell() + size] if size >= _NOT_COPIED else b""
        if not value or value[: len(_ITEM)] == _ITEM:
            return super().read(size)
        self.seek(len(value), io.SEEK_CUR)
        return value


def _refuse_bomb(content: bytes) -> None:
    inflater, size, rest = zlib.decompressobj(-zlib.MAX_WBITS), 0, content
    while rest and not inflater.eof:
        try:
            size += len(inflater.decompress(rest, _STEP))
        except zlib.error:
            return  # nothing deflated, or damaged: inflating it stops at the same place
        rest = inflater.unconsumed_tail
        if size > INFLATED_LIMIT:
            raise UnusableImage("decode", f"inflates to more than {INFLATED_LIMIT // 2**20} MiB")
