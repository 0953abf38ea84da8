"""What an identifier of a raw dataset may look like: it becomes part of a file's name and must not lead elsewhere."""

from __future__ import annotations

_LONGEST = 128
_FORBIDDEN = frozenset('/\\:*?"<>|')  # parts of paths, of chained URIs and of patterns of file names
EXPECTED = f"an identifier of 1 to {_LONGEST} printable characters without {' '.join(sorted(_FORBIDDEN))}"


def is_plain(identifier: str) -> bool:
    """True if the identifier can be a file's name in the folder it is meant for, and in no other."""
    return (
        0 < len(identifier) <= _LONGEST
        and identifier.isprintable()
        and identifier == identifier.strip()
        and not identifier.startswith(".")
        and _FORBIDDEN.isdisjoint(identifier)
    )
