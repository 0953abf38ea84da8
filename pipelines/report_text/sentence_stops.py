"""Where the sentences of a report's text end: at which of its stops.

Reports are full of stops that end nothing (3.5 cm, Dr. ___, 8 a.m., approx. 2), and of sentences that begin with a
small letter, a number, a de-identified blank (___, XXXX), or right after the stop.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_STOP = re.compile(
    r"(?P<word>[^\s.?!()\"]{0,40}(?:\.(?:\d{1,8}|[A-Za-z](?![A-Za-z]))){0,8})"  # what stands before: "carina", "3.5", "a.m"
    r"(?P<marks>[.?!]+)(?P<closing>[)\"'\]]*)"
    # then space, or a new word at once: "size.The", "at T7.A small", "clear.no"
    r"(?:\s+(?=\S)|(?=[A-Z][a-z]|A\s|X{4}|__)|(?<=[a-z]{3}[.?!])(?=[a-z]{3}))"
)
_NEXT = re.compile(r"[(\"'\[]*(?P<word>_+|[A-Za-z]+|\S)")
_BLANK = re.compile(r"_+|X{4,}")

# Something always follows these.
_NEVER_LAST = re.compile(
    r"drs?|mr|mrs|ms|prof|st|vs?|e\.?g|i\.?e|c\.?f|ca|appro?x?|figs?|incl|esp|resp|s\.p|viz|u\.s", re.IGNORECASE
)
_BEFORE_NUMBERS = re.compile(r"nos?|vol|ser|ext|im|[tcl]", re.IGNORECASE)
# These end a sentence if the next word looks like the beginning of one.
_MAYBE_LAST = re.compile(
    r"etc|al|cm|mm|ml|cc|kg|mos?|wks?|hrs?|yrs?|yo|mins?|sec|lt|rt|lat|ant|post|sup|inf|inc|max|temp|est|prob|poss|pts?"
    r"|jr|sr|dept|hosp|comp|neg|pos|mod|bilat|diff|vert|abd|thor|dist|prox|susp|equiv|incr|decr|cont|assoc|eval|avg"
    r"|[fhdtrs]x|[a-z](?:\.[a-z])+",  # the last: a.m, M.D, O.R
    re.IGNORECASE,
)
_INITIAL = re.compile(r"[A-Z]")
_GO_ON = re.compile(  # words that begin no sentence of an upper-case report
    r"ABOVE|AFTER|AND|ARE|AS|AT|BEFORE|BELOW|BUT|BY|FOR|FROM|HAS|HAVE|IN|IS|OF|ON|OR|THAN|THROUGH|TO|UNTIL|VIA|WAS|WERE"
    r"|WHICH|WITH"
)


def sentences_of(text: str) -> Iterator[str]:
    """The sentences of one folded line of text, cut out of it unchanged; nothing but space is lost between them."""
    begin = 0
    for stop in _STOP.finditer(text):
        if _ends_sentence(stop, text, begin):
            yield text[begin : stop.end()].strip()
            begin = stop.end()
    if text[begin:].strip():
        yield text[begin:].strip()


def _ends_sentence(stop: re.Match[str], text: str, begin: int) -> bool:
    word, following = stop["word"].lstrip("_,;:'[*"), _NEXT.match(text, stop.end())["word"]
    if not stop["word"] and not stop["closing"] and text[stop.start() - 1 : stop.start()] != ")":
        return False  # "? pneumonia"
    small = following[0].islower()
    if small and (stop["closing"] or not stop["word"]):
        return False
    if _NEVER_LAST.fullmatch(word) or (following[0].isdigit() and _BEFORE_NUMBERS.fullmatch(word)):
        return False
    if _INITIAL.fullmatch(word):
        side = word in "LR" and following.isupper()  # L. IJ
        return not (small or side or _BLANK.match(following) or _INITIAL.fullmatch(following))
    if _MAYBE_LAST.fullmatch(word):
        first = not text[begin : stop.start("word")].strip()
        return not (first or small or _BLANK.match(following) or _GO_ON.fullmatch(following))
    return True
