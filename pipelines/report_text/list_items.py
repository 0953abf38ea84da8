"""The items of a section's text: what stands in a list, in a paragraph, or on a line of its own."""

from __future__ import annotations

import itertools
import re

_NEW_ITEM = "\x00"
BETWEEN_TEXTS = f"\n\n{_NEW_ITEM}\n"  # joins texts of which none goes on with a sentence of another
_NARROW = 60  # characters; reports are wrapped at some 80, so a line that ends earlier was ended on purpose

_RULE = re.compile(r"[_=*-]{5,}")
_BULLET = re.compile(r"^[ \t]*(?:(?:[-*•·–]|--)[ \t]+|[-•](?=[A-Z]))", re.MULTILINE)
_PARAGRAPH = re.compile(r"\n[ \t]*\n\s*(?=[A-Z0-9(_\x00])")
_MARK = re.compile(
    # "1.", "2)", "(3)", "4.No", "#5" at the start of a line or after a stop; "a." and "b)" at the start of a line
    r"(?P<before>^|\n|[.?!:;]\s)[ \t]*(?:\(?(?P<number>\d{1,2})(?:\.\)?|\))(?!\d)|#(?P<hash>\d)(?:[.):]|\s))[ \t]*(?=\S)"
    # "… than left 2. Abnormal", "… no CHF 2. stable", "… effusion, 2. mild", but not "… of T 2. No"
    r"|(?:(?<=[A-Za-z)])(?<!\s[CLST])|(?<=[A-Za-z)],))[ \t]+(?P<late>\d{1,2})\.[ \t]+(?=[A-Za-z_])"
    r"|(?P<line>^|\n)[ \t]*\(?(?P<letter>[a-h])[.)][ \t]+(?=\S)"
)
_CONNECTING = "an?|and|as|at|by|for|from|in|is|of|on|or|since|than|the|through|to|vs|with"
# what a number names, not measures: "rib 5", "segment 2"
NUMBERED = "day|fig|figure|grade|image|lead|level|no|number|ribs?|segment|series|stage|type|view|zone"
_GOES_ON = re.compile(rf"(?:,|\b(?:{_CONNECTING}))\s*$", re.IGNORECASE)
_WANTS_NUMBER = re.compile(rf"(?:,|\b(?:{_CONNECTING}|{NUMBERED}|x))\s*$", re.IGNORECASE)
_SECOND = re.compile(r"\n[ \t]*\(?2[.)]\s")
_ENDED = re.compile(r"(?:[.:;?!]\s*|\n[ \t]*|^\s*)$")


def items_of(text: str) -> list[str]:
    """The items, in order, without their marks; white space is as it was, and no item is empty."""
    text = _RULE.sub("\n\n", text)
    text = _PARAGRAPH.sub(_NEW_ITEM, _BULLET.sub(_NEW_ITEM, _without_marks(_without_early_ends(text))))
    return [item for item in text.split(_NEW_ITEM) if item.strip()]


def _without_marks(text: str) -> str:
    """Numbers of a list become item marks; one out of sequence ("ribs 4 and\\n 5. The …") belongs to the text."""
    expected = {"number": 1, "letter": 1}

    def mark(match: re.Match[str]) -> str:
        kind = "letter" if match["letter"] else "number"
        digits = match["number"] or match["hash"] or match["late"]
        number = int(digits) if digits else ord(match["letter"]) - ord("a") + 1
        earlier = text[max(0, match.start() - 20) : match.start()] + (match["before"] or "").strip()
        if number == 1:
            counts = _ENDED.search(earlier) or (match["before"] == "\n" and _SECOND.search(text, match.end()))
        else:
            earlier = earlier.rstrip(",") if match["late"] else earlier
            counts = number == expected[kind] and not _WANTS_NUMBER.search(earlier)
        if not counts:
            return match.group()
        expected[kind] = number + 1
        return (match["before"] or "") + _NEW_ITEM

    return _MARK.sub(mark, text)


def _without_early_ends(text: str) -> str:
    """A line that ended before its width, without a stop, ends an item if the next one begins like a sentence.

    Of the first line the header is gone: nobody knows how wide it was.
    """
    lines = text.split("\n")
    joined = lines[0]
    for number, (line, following) in enumerate(itertools.pairwise(lines)):
        first = re.match(r"\s*([A-Z][a-z]+)", following)
        early = number > 0 and first is not None and len(line.strip()) + 1 + len(first[1]) <= _NARROW
        if early and line.strip()[-1:].isalnum() and "__" not in line and not _GOES_ON.search(line):
            joined += _NEW_ITEM
        joined += "\n" + following
    return joined
