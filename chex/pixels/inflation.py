"""A deflated DICOM file is inflated as a whole when it is read: one that would not fit is refused before that."""

from __future__ import annotations

import io
import zlib

from chex.pixels import UnusableImage

INFLATED_LIMIT = 2**29
_STEP = 2**24


class GuardedFile(io.BytesIO):
    """A DICOM file for pydicom, which asks for all the rest of it at once only in order to inflate it."""

    def read(self, size: int | None = -1, /) -> bytes:
        content = super().read(size)
        if size is None or size < 0:
            _refuse_bomb(content)
        return content


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
