"""What becomes of freed memory: kept from image to image, as new pages cost more than what is computed on them; given
back after tables, as the worker lives on."""

from __future__ import annotations

import ctypes
import sys
from functools import cache

# names of glibc's <malloc.h>
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_LARGEST_KEPT = 2**25  # bytes of one piece; glibc allows no more, and a 16-bit radiograph seldom has more
_MOST_KEPT = 2**28


@cache
def keep_freed_memory() -> None:
    """Up to a quarter of a gigabyte; does nothing where there is no glibc.

    Left alone, a worker of Ray hands the buffers of every image back and gets them again page by page: on a virtual
    machine a third of the time of an uncompressed DICOM file.
    """
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "mallopt"):
        libc.mallopt(_M_MMAP_THRESHOLD, _LARGEST_KEPT)
        libc.mallopt(_M_TRIM_THRESHOLD, _MOST_KEPT)


def release_freed_memory() -> None:
    """What was freed goes back to the machine; for once, after something large that does not come again."""
    import pyarrow as pa

    pa.default_memory_pool().release_unused()
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "malloc_trim"):
        libc.malloc_trim(0)
