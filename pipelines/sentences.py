"""Cuts the text of a report's section into clean sentences."""

from __future__ import annotations

import re
from collections.abc import Iterable

from syntok import segmenter

# De-identified spans confuse the sentence splitter; a capitalised word of the same length does not move any offset.
_BLANKED = re.compile(r"_{2,}|X{4,}")

_WET_READ_STAMP = re.compile(
    r"\bWET ?READ(?: VERSION)?(?: #?\d+)?\s*:?\s*(?:___[,;]?\s*)*(?:\d{1,2}:\d{2}\s*(?:[AaPp]\.?[Mm]\.?)?)?[:,]?\s*"
)
_RULE = re.compile(r"[_=*-]{5,}")
_SPLIT_DECIMAL = re.compile(r"(\d)\. (\d+ ?-?(?:mm|cm)\b)")
_ELLIPSIS = re.compile(r"\.{3,}\s*(?=[a-z])")
_STOPS = re.compile(r"\s*\.(?:\s*\.)+(?=\s|$)|\s+\.(?=\s|$)")
_BULLET = re.compile(r"^[ \t]*(?:[-*•]|--)[ \t]+", re.MULTILINE)
_NUMBER = re.compile(
    r"(?P<before>^|\n|[.?!:;]\s)[ \t]*\(?(?P<number>\d{1,2})[.)][ \t]*(?=[A-Z_]|\d+(?:\.\d+)?[ -]?[cm]m\b)"
)
_PARAGRAPH = re.compile(r"\n[ \t]*\n\s*(?=[A-Z0-9_\x00])")
_NEW_ITEM = "\x00"

# A full stop, then a small letter: a sentence typed carelessly, unless the word before is an abbreviation.
_SMALL_START = re.compile(r"(?<![\w.])([A-Za-z]{2,}|\d{4})([.?!]\s+)([a-z])(?=[a-z]+)")
_ABBREVIATION = re.compile(
    r"approx|ca|cf|cm|dr|eg|est|etc|fig|hrs?|ie|inc|incl|lat|lt|max|min|mm|mos?|mrs?|ms|nos?|post|prob|pts?|resp|rt"
    r"|sec|st|temp|vs|wks?|y[or]s?",
    re.IGNORECASE,
)
# "AP CHEST: heart is enlarged": the heading says which view, not what is seen
_HEADING = r"[A-Z&][A-Z0-9'()/&-]*(?:[ ,]+(?:[A-Z&][A-Z0-9'()/&-]*|___))*\s*:\s+(?=\S)"
_LEAD = re.compile(rf"^(?:{_HEADING}|\(?\d{{1,2}}[.)] (?=[A-Z_])|[-*•:;,.)] *)+")
_WORD = re.compile(r"\S*[A-Za-z0-9]\S*")


def split_sentences(text: str) -> tuple[str, ...]:
    """The clean sentences of one section's text, in order, without repeats.

    A sentence has its white space folded and begins with a capital; what has fewer than two words is no sentence.
    """
    return distinct_sentences(segment for item in _items(text) for segment in _segments(item))


def distinct_sentences(texts: Iterable[str]) -> tuple[str, ...]:
    """Texts that are a sentence each (a scene graph's phrases), cleaned, without repeats and too short ones."""
    sentences = {}
    for sentence in map(clean_sentence, texts):
        if len(_WORD.findall(sentence)) >= 2:
            sentences.setdefault(sentence.lower(), sentence)
    return tuple(sentences.values())


def clean_sentence(text: str) -> str:
    """One sentence or phrase with folded white space, without leading heading, number or stray stops, capitalised."""
    text = _folded(_WET_READ_STAMP.sub("", text))
    text = _LEAD.sub("", text)
    return text[:1].upper() + text[1:]


def _items(text: str) -> list[str]:
    """List items and paragraphs, each folded into one line."""
    text = _ELLIPSIS.sub(" ", _RULE.sub("\n\n", _WET_READ_STAMP.sub("", text)))
    text = _PARAGRAPH.sub(_NEW_ITEM, _BULLET.sub(_NEW_ITEM, _without_numbers(text)))
    return [item for item in map(_folded, text.split(_NEW_ITEM)) if item]


def _folded(text: str) -> str:
    return _SPLIT_DECIMAL.sub(r"\1.\2", _STOPS.sub(".", " ".join(text.split())))


def _without_numbers(text: str) -> str:
    """Numbers of a list become item marks; a number out of sequence ("ribs 4 and\\n 5. The …") belongs to the text."""
    expected = 1

    def mark(match: re.Match[str]) -> str:
        nonlocal expected
        number = int(match["number"])
        if number not in (1, expected):
            return match.group()
        expected = number + 1
        return match["before"] + _NEW_ITEM

    return _NUMBER.sub(mark, text)


def _segments(text: str) -> list[str]:
    """The sentences of one line of text, cut out of it unchanged."""
    readable = _BLANKED.sub(lambda match: "Q" + "q" * (len(match.group()) - 1), text)
    readable = _SMALL_START.sub(_with_capital, readable)
    starts = [sentence[0].offset for paragraph in segmenter.analyze(readable) for sentence in paragraph if sentence]
    return [text[start:end].strip() for start, end in zip(starts, [*starts[1:], len(text)], strict=True)]


def _with_capital(match: re.Match[str]) -> str:
    word, stop, letter = match.groups()
    return match.group() if _ABBREVIATION.fullmatch(word) else word + stop + letter.upper()
