"""Swaps right and left in a text: what a horizontal flip of the image does to its words."""

from __future__ import annotations

import re

_PAIRS = (
    ("right", "left"),
    ("rightward", "leftward"),
    ("rightwards", "leftwards"),
    ("rightmost", "leftmost"),
    ("rul", "lul"),
    ("rll", "lll"),
    ("dextroscoliosis", "levoscoliosis"),
)
_OPPOSITE = {word: opposite for pair in _PAIRS for word, opposite in (pair, pair[::-1])}
# "was left in place" is no side; the same words with "right" stay too, so that swapping twice gives the text back
_SIDE = re.compile(
    r"\b(?P<kept>(?:was|were|been|be|is|are) (?:left|right) in (?:place|situ))\b"
    rf"|\b(?:{'|'.join(sorted(_OPPOSITE, key=len, reverse=True))})\b",
    re.IGNORECASE,
)


def swap_sides(text: str) -> str:
    """`text` with right and left exchanged, case kept ("Right-sided" -> "Left-sided"); swapping twice gives it back."""
    return _SIDE.sub(_swapped, text)


def _swapped(match: re.Match[str]) -> str:
    word = match.group()
    if match["kept"]:
        return word
    opposite = _OPPOSITE[word.lower()]
    if word.isupper():
        return opposite.upper()
    return opposite.capitalize() if word[0].isupper() else opposite
