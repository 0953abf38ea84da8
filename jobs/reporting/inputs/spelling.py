"""One spelling for each file: what a run has done is known by its URI."""

from __future__ import annotations

import posixpath


def one_spelling(uri: str) -> str:
    """An absolute path without doubled slashes and dots; a store's keys mean what they spell."""
    path = uri.removeprefix("file://")
    return path if "://" in path else posixpath.normpath("/" + path.lstrip("/"))


def suffix_of(path: str) -> str:
    """In lower case, with its dot; a file named by its UID (1.2.840.10008.5) has none, whatever the dots suggest."""
    suffix = posixpath.splitext(posixpath.basename(path))[1].lower()
    return "" if suffix[1:].isdigit() else suffix
