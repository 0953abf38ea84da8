"""What the authors' cleaning leaves of a text, undone where it can be, and done to ours where it cannot.

Each function is one fault of theirs, named in deviations.md; without a fault in a text it changes nothing.
"""

from __future__ import annotations

import re

from pipelines.report_text.sentences import clean_sentence, every_sentence

# what is left of "WET READ: ___ ___ 8:19 AM": the words are gone, and "19 " with them
_STAMP_LEFT = re.compile(r"(?<!\S):\s*(?:___[,;]?\s*)*\d{1,2}:\d{0,2}\s*[AP]M\b")
_LOST_SPACE = re.compile(r"(?<=[^\W\d])\.(?=[A-Z])|(?<=\d)\.(?=[A-Z])")
_EATEN = re.compile(r"\d\S ")
_HASH = re.compile(r"#\d+ ")
_VIEW_WORDS = re.compile(r"\b(?:AP|CHEST|FRONTAL|LATERAL|PA|PORTABLE|SUPINE|UPRIGHT|VIEWS?)\b:?")
_TORN = re.compile(r"(?<![\w.])(\d)\. (\d+ ?-?(?:mm|cm)\b)")


def cleaned_by_us(text: str) -> str:
    """A section's or sentence's text after our own cleaning, none of its sentences left out."""
    return " ".join(map(clean_sentence, every_sentence(text)))


def without_stamps(recorded: str) -> str:
    return _STAMP_LEFT.sub("", recorded)


def with_lost_spaces(recorded: str) -> str:
    """The space after a full stop inside a sentence is back."""
    return _LOST_SPACE.sub(". ", recorded)


def comparable(cleaned: str, source: str) -> str:
    """The letters and digits, in small letters, of what both sides keep of a cleaned text made of `source`.

    Theirs lacks a digit and the sign behind it wherever space follows ("8:19 AM", "T5. X"), "#1 ", words of views in
    capitals wherever they stand, and the first part of a torn decimal ("4. 5 cm"); here both sides lose them.
    """
    for first, rest in _TORN.findall(" ".join(source.split())):
        cleaned = cleaned.replace(f"{first}.{rest}", rest)
    cleaned = _VIEW_WORDS.sub("", _HASH.sub("", _EATEN.sub("", cleaned + " ")))
    return "".join(filter(str.isalnum, cleaned)).lower()
