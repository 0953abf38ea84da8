"""Splits that a dataset does not bring along: decided by a hash of the identifier, the same on every machine."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

SPLITS = ("train", "validate", "test")
SEED = 2024


def position(identifier: str, seed: int = SEED) -> float:
    """A number in [0, 1), evenly spread over identifiers and independent of the others in the list."""
    digest = hashlib.sha256(f"{seed}/{identifier}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def halved(identifiers: Iterable[str], seed: int = SEED) -> dict[str, str]:
    """Every identifier's half, "validate" or "test"; of an odd number the larger half is tested."""
    ranked = sorted(set(identifiers), key=lambda identifier: (position(identifier, seed), identifier))
    middle = len(ranked) // 2
    return {identifier: "validate" if rank < middle else "test" for rank, identifier in enumerate(ranked)}
