"""Reads an image's file, local or remote, unless it is too large to be a radiograph."""

from __future__ import annotations

from chex.pixels import UnusableImage
from pipelines.stores import filesystem_of

MOST_BYTES = 256 * 2**20  # the most pixels that are decoded, 16 bit each and uncompressed, with room for headers

_OTHERS = {"directory": "folder"}


def read_image_file(uri: str) -> bytes:
    """The whole file.

    Raises:
        UnusableImage: no file, or one of more than MOST_BYTES; nothing of it was read.
        OSError: it is not there or cannot be read.
    """
    filesystem, path = filesystem_of(uri)
    found = filesystem.info(path)
    if found["type"] != "file":  # from a pipe or a device the job would read forever
        raise UnusableImage("read", f"expected a file; found a {_OTHERS.get(found['type'], 'pipe or a device')}")
    size = found["size"]
    if size is not None and size > MOST_BYTES:
        raise UnusableImage("read", f"the file has {size:,} bytes; more than {MOST_BYTES // 2**20} MiB are refused")
    if not size:
        return filesystem.cat_file(path)
    # with its range given, an object store is not asked for the size again
    content = filesystem.cat_file(path, start=0, end=size)
    if len(content) != size:
        raise OSError(f"expected {size} bytes; the connection gave {len(content)}")
    return content
