"""One spelling for each file: what a run has done is known by its URI."""

from __future__ import annotations

import os
import posixpath
from urllib.parse import quote, unquote_to_bytes


def one_spelling(uri: str) -> str:
    """An absolute path without doubled slashes and dots; a store's keys mean what they spell.

    A path that is no text, as Latin-1 is none here, becomes a URI of RFC 8089, `file:///a/M%FCller.dcm`; no other does.
    """
    path = uri.removeprefix("file://")
    if "://" in path:
        return path
    path = posixpath.normpath("/" + path.lstrip("/"))
    return path if path == printable(path) else f"file://{quote(os.fsencode(path))}"


def opened_as(spelling: str) -> str:
    """The URI or the path itself, as the file system knows it."""
    path = spelling.removeprefix("file://")
    return spelling if path == spelling else os.fsdecode(unquote_to_bytes(path))


def printable(name: str) -> str:
    """The name of a file with a replacement character for each byte that is no text."""
    return name.encode(errors="surrogateescape").decode(errors="replace")
