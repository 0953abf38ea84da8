"""What the name of an image's file tells."""

from __future__ import annotations

import posixpath


def suffix_of(path: str) -> str:
    """In lower case, with its dot; a file named by its UID (1.2.840.10008.5) has none, whatever the dots suggest."""
    suffix = posixpath.splitext(posixpath.basename(path))[1].lower()
    return "" if suffix[1:].isdigit() else suffix
