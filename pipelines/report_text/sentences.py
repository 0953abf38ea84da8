"""Cuts the text of a report's section into clean sentences."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from pipelines.report_text.headings import NAMES_A_SUBJECT
from pipelines.report_text.list_items import NUMBERED, items_of
from pipelines.report_text.sentence_stops import sentences_of

_WET_READ_STAMP = re.compile(
    r"\bWET ?READ(?: VERSION)?(?: #?\d+)?\s*:?\s*(?:___[,;]?\s*)*(?:\d{1,2}:\d{2}\s*(?:[AaPp]\.?[Mm]\.?)?)?[:,]?\s*"
)
# "4. 5 cm", but neither "in 2012. 6 mm", "on 5/12. 6 mm", "T10. 4 mm" nor "ribs 4, 5 and 7. 3 mm"
_SPLIT_DECIMAL = re.compile(r"(?<![\w/.])(?<!\d:)(\d{1,2})\. (\d+ ?-?(?:mm|cm)\b)")
_NUMBERS_FOLLOW = re.compile(
    rf"\b(?:(?:{NUMBERED})s?|(?-i:[TCLS])\d{{0,2}})[ #.]*(?:\d{{1,2}}(?!\d)[ ,&-]*(?:(?:and|or|through|to)\b ?)?)*$",
    re.IGNORECASE,
)
_ELLIPSIS = re.compile(r"[ ]?\.{3,}\s*(?=[a-z])")
_STOPS = re.compile(r"\s*\.(?:\s*\.)+(?=\s|$)|\s+\.(?=\s|$)")

# "AP CHEST: heart is enlarged": the heading says which view, not what is seen
_CAPITALS = r"[A-Z&][A-Z0-9'()/&-]*(?:[ ,]+(?:[A-Z&][A-Z0-9'()/&-]*|___|\d{1,2}:\d{2}))*"
_VIEW = (
    r"(?:AP|PA|lat|frontal|lateral|portable|upright|supine|semi-?(?:upright|erect)|erect|bedside|single|one|two|\d+"
    r"|chests?|views?|radiographs?|x-?rays?|films?|images?|study|studies|exam|examination|as|in|compared|comparisons?"
    r"|is|are|made|to|with|and|of|the|from|on|at|since|prior|previous|earlier|dated|through|_+|X{4,}"
    r"|\d{1,2}[:/]\d{1,2}|[ap]\.?m\.?|hours)(?!\w)"
)
_ORGAN = (
    r"(?:lungs?|pleurae?|pleural|heart|cardiac|cardiomediastin(?:um|al)|mediastin(?:um|al)|hil(?:a|ar|um)|bones?|osseous"
    r"|skeletal|skeleton|airways?|abdomen|diaphragms?|chest|wall|spine|soft|tissues?"
    r"|spaces?|surfaces?|silhouette|contours?|structures?|parenchyma|vasculature|others?|and|upper|the)(?!\w)"
)
_LEAD = re.compile(
    rf"^(?:(?![^:]*{NAMES_A_SUBJECT}[^:]*:\s*\S){_CAPITALS}\s*:(?:\s+|$)|(?i:{_VIEW}(?:[ ,(/)]+{_VIEW})*+)\s*:(?:\s+|$)"
    rf"|(?i:{_ORGAN}(?:[ ,/&]+{_ORGAN})*+)\s*:\s+(?=[A-Z]\S*\s)|\(?\d{{1,2}}[.)] (?=[A-Z_])|[-*•:;,.)] *)+"
)
# "RIGHT SHOULDER, TWO VIEWS ___" on a line of its own
_TITLE = re.compile(
    rf"(?i:(?:{_VIEW}|right|left|both|shoulders?|ribs?|clavicles?|abdomen|spine|pelvis|neck)[ ,()/:]*+)++"
)
_WORD = re.compile(r"\S*[A-Za-z0-9]\S*|_{2,}")
_BLANKS = re.compile(r"(?:_+|X{4,}|\W)+")


def split_sentences(text: str) -> tuple[str, ...]:
    """The clean sentences of one section's text, in order, without repeats.

    A sentence has its white space folded and begins with a capital; what has fewer than two words is no sentence.
    """
    return distinct_sentences(every_sentence(text))


def every_sentence(text: str) -> Iterator[str]:
    """The sentences of one section's text as they stand there, with white space folded: not cleaned, none left out."""
    for item in items_of(_ELLIPSIS.sub(" ", _WET_READ_STAMP.sub("", text))):
        yield from sentences_of(_folded(item))


def distinct_sentences(texts: Iterable[str]) -> tuple[str, ...]:
    """Texts that are a sentence each (a scene graph's phrases), cleaned, without repeats and too short ones."""
    sentences = {}
    for sentence in map(clean_sentence, texts):
        if len(_WORD.findall(sentence)) >= 2 and not (_TITLE.fullmatch(sentence) or _BLANKS.fullmatch(sentence)):
            sentences.setdefault(sentence.lower(), sentence)
    return tuple(sentences.values())


def clean_sentence(text: str) -> str:
    """One sentence or phrase with folded white space, without leading heading, number or stray stops, capitalised."""
    text = _folded(_WET_READ_STAMP.sub("", text))
    text = _LEAD.sub("", text)
    return text[:1].upper() + text[1:]


def _folded(text: str) -> str:
    return _SPLIT_DECIMAL.sub(_mended_decimal, _STOPS.sub(".", " ".join(text.split())))


def _mended_decimal(match: re.Match[str]) -> str:
    before = match.string[max(0, match.start() - 60) : match.start()]
    return match.group() if _NUMBERS_FOLLOW.search(before) else f"{match[1]}.{match[2]}"
