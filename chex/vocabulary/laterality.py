"""Swaps right and left in a text: what a horizontal flip of the image does to its words.

A side says where something lies, and changes with the image. The side in the name of a part of the heart does not:
there is one right atrium, and in a mirrored chest, as in situs inversus, it lies on the left and is still the right one.
"""

from __future__ import annotations

import re
from functools import lru_cache

_PAIRS = (
    ("right", "left"),
    ("rightward", "leftward"),
    ("rightwards", "leftwards"),
    ("rightmost", "leftmost"),
    ("r", "l"),
    ("rt", "lt"),
    ("rul", "lul"),
    ("rll", "lll"),
    ("ruz", "luz"),
    ("rmz", "lmz"),
    ("rlz", "llz"),
    ("rue", "lue"),
    ("rle", "lle"),
    ("ruq", "luq"),
    ("rlq", "llq"),
    ("rij", "lij"),
    ("rao", "lao"),
    ("rpo", "lpo"),
    ("dextro", "levo"),
    # the left lung has no middle lobe: what lies there is the lingula
    ("right middle lobe", "lingula"),
    ("right middle lobar", "lingular"),
)
_OPPOSITE = {word: opposite for pair in _PAIRS for word, opposite in (pair, pair[::-1])} | {"rml": "lingula"}

_SIDE = r"(?:right|left)"
_LETTER = r"(?<!\d[ -])(?:r|l|rt|lt)\b"  # after a number, "l" is a litre
# Names and functions of the heart, lobes of the liver, and words that are no sides. Each is kept with either side,
# so that swapping twice gives the text back.
_KEPT = rf"""
    {_SIDE}(?:-sided)?[ -](?:atri(?:um|a|al)|ventric(?:le|les|ular)|cardiac\ chambers?|(?:main\ )?coronary|circumflex
        |anterior\ descending|bundle|axis\ deviation|hepatic\ lobe|lobe\ of\ (?:the\ )?liver
        |heart\ (?:failure|strain|catheter\w*|chambers?|pressures?|disease|dysfunction|decompensation|overload))\b
    |(?<!\bon\ the\ )(?<!\bto\ the\ ){_SIDE}(?:\ (?:and|or)\ |[ ]?/[ ]?){_SIDE}[ -](?:atri(?:a|al)|ventric(?:les|ular))\b
    |{_SIDE}[ -]to[ -]{_SIDE}[ -]shunt\w*
    |(?:was|were|been|being|be|is|are)\ {_SIDE}\ (?:in\ (?:place|situ)|behind|open|untreated|unchanged|alone|indwelling)\b
    |{_SIDE}\ (?:against\ medical|ama\b|without\ being|the\ (?:hospital|department|emergency|clinic))
    |(?:is|are|lies|sits|ends|terminates)\ {_SIDE}\ (?:at|above|below|behind|beneath)\b
"""
# Letters alone are sides only before what has two sides, beside each other, or in brackets ("r/o" is "rule out").
_SIDED = r"""
    (?:sided?|lungs?|hemithorax|chest|upper|mid|middle|lower|base|bas(?:il|al)ar|basal|apex|apical|hil(?:um|ar)|perihilar
    |infrahilar|pleural|effusions?|pneumothorax|ptx|hemidiaphragm|diaphragm|costophrenic|cp|lateral|paratracheal
    |main(?:stem)?|bronchus|lobe|ij|internal|jugular|subclavian|picc|port|pigtail|clavicle|shoulder|ribs?|breast|arm)\b
"""
_CURVED = r"(?=-?(?:scolio|rotoscolio|convex|curv|posi|card|version|rotat))"
_PLAIN = sorted(
    (word for word in _OPPOSITE if word not in ("r", "l", "rt", "lt", "dextro", "levo")), key=len, reverse=True
)
_TEXT = re.compile(
    rf"""\b(?=[abdeilrstw])(?:
    (?P<kept>{_KEPT})
    |(?P<both>{_LETTER}\.?(?:[ ]?(?:[<>]+|[/=&])[ ]?|\ (?:and|or|(?:greater|worse|more|larger|less)\ than)\ )(?:r|l|rt|lt)\b)
    |(?P<letter>{_LETTER}(?=\.?[ -]{_SIDED})|(?<=\()(?:r|l|rt|lt)(?=\)))
    |(?P<named>{_SIDE}\ lingula)
    |(?:dextro|levo){_CURVED}
    |(?:{"|".join(re.escape(word) for word in _PLAIN)})\b
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_WORD = re.compile(r"\b(?:right|left|r|l|rt|lt)\b", re.IGNORECASE)


@lru_cache(maxsize=1 << 14)  # regions repeat the sentences of their report, and reports those of others
def swap_sides(text: str) -> str:
    """`text` with right and left exchanged, case kept ("Right-sided" -> "Left-sided").

    Swapping twice gives the text back, but for "RML", which comes back as "right middle lobe".
    """
    return _TEXT.sub(_swapped, text)


def _swapped(match: re.Match[str]) -> str:
    text = match.group()
    if match["kept"]:
        return text
    if match["both"] or match["named"]:
        return _WORD.sub(lambda word: _opposite(word.group()), text)
    return _opposite(text)


def _opposite(word: str) -> str:
    opposite = _OPPOSITE[word.lower()]
    if word.lower() == "rml":
        return opposite  # an abbreviation is in capitals wherever it stands
    if word.isupper():
        return opposite.upper()
    return opposite.capitalize() if word[0].isupper() else opposite
