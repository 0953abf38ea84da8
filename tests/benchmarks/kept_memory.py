"""Freed memory stays with the process, so that a timing does not depend on how the machine hands out new pages."""

from __future__ import annotations

import ctypes
import sys

# names of glibc's <malloc.h>
M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4


def keep_memory() -> None:
    """On virtual machines a page's first touch can be slower than what is computed with it.

    That would fall on the side that allocates more, here the eager one. Does nothing where there is no glibc.
    """
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "mallopt"):
        libc.mallopt(M_MMAP_MAX, 0)
        libc.mallopt(M_TRIM_THRESHOLD, -1)
