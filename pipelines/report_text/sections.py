"""Cuts a radiology report into its sections, whatever their headers are called.

A header is an upper-case name with a colon at the start of a line; its wording decides the kind of the section.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache

from pipelines.report_text.headings import with_heading

# Kinds whose text holds findings; headers inside them that say nothing known are mere sub-headings.
CONTENT_KINDS = ("findings", "impression")

# The first kind one of whose words occurs in a header wins: "REASON FOR EXAM" is an indication, not an examination,
# and "CLINICAL IMPRESSION" what was known before there was an image.
_KINDS_AND_WORDS = (
    ("wet read", ("wetread", "wet", "prelim", "preliminary", "provisional", "pfi")),
    ("indication", ("indication", "indications", "reason", "reasons")),
    ("history", ("history", "clinical")),
    ("other", ("patient", "signature")),
    ("impression", ("impression", "impressions", "conclusion", "conclusions", "interpretation", "opinion", "summary")),
    ("findings", ("findings", "finding", "observations")),
    ("addendum", ("addendum", "addenda")),
    ("recommendations", ("recommendation", "recommendations")),
    ("notification", ("notification", "communication", "notified")),
    ("history", ("symptoms", "symptom", "diagnosis", "complaint")),
    ("comparison", ("comparison", "comparisons", "reference")),
    ("technique", ("technique", "techniques", "technologist", "procedure", "protocol")),
    ("examination", ("examination", "exam", "study", "examinations", "type", "date", "dose")),
    ("other", ("medication", "medications", "note", "dictated", "attending", "signed", "report")),
)
_RANK_OF_WORD = {word: rank for rank, (_, words) in enumerate(_KINDS_AND_WORDS) for word in words}
_LONG_WORDS = tuple(word for word in _RANK_OF_WORD if len(word) >= 7)
# Inside findings they name no section: "NOTE", "PATIENT ROTATION"
_SAY_NOTHING_INSIDE = {"note", "patient", "report", "type"}
# "READ BY", "INTERPRETING PHYSICIAN": a person's name follows
_READ_BY = r"(?:approved|dictated|interpreted|read|reported|reviewed|signed|transcribed|verified) by"
_SIGNATURE = re.compile(rf"\b{_READ_BY}\b|\b(?:by|physicians?|radiologists?)\W*$", re.IGNORECASE)

# "CHEST, TWO VIEWS", "PORTABLE AP", "HEART": what follows describes the image
_OF_THE_IMAGE = re.compile(
    r"\b(?:abdomen|aorta|ap|bones?|cardiac|catheters|cardiomediastinal|chests?|clavicle|devices|diaphragm|films?|frontal"
    r"|heart|hila|hilar|lateral|lines?|lordotic|lungs?|mediastinum|osseous|pa|pleurae?|pleural|portable|radiographs?"
    r"|ribs?|semiupright|shoulder|single|spine|support|supine|thorax|tubes?|two|upright|vasculature|views?|x-?ray)\b",
    re.IGNORECASE,
)

# "PRIOR CHEST FILMS", but not "CHEST COMPARED TO PRIOR"
_OF_ANOTHER_IMAGE = re.compile(r"(?:prior|previous)\b", re.IGNORECASE)
# "PORTABLE CHEST EXAM" and a text with one of these: findings, not the name of an examination
_TELLS = re.compile(
    r"\b(?:there|is|are|was|were|has|have|no|not|normal|clear|unchanged|stable|atelectas[ei]s|cardiomegaly|consolidations?"
    r"|edema|effusions?|emphysema|fractures?|nodules?|opacit(?:y|ies)|pneumothora(?:x|ces))\b",
    re.IGNORECASE,
)
# "COMPARED TO THE PRIOR\nSTUDY: THE LUNGS ARE CLEAR": a line of an upper-case report, no header
_END_OF_A_PHRASE = re.compile(
    r"(?:(?:THE|PRIOR|PREVIOUS|RECENT|EARLIER) )*(?:EXAM|EXAMINATION|STUDY|FILM|RADIOGRAPH|X-?RAY)"
)
_UNFINISHED_LINE = re.compile(r"(?:^|\n)[^a-z\n]*[A-Z0-9,][ \t]*\n[ \t]*$")

_UPPER_CASE_HEADER = r"[A-Z](?:[A-Z0-9 \t()/,.'&#_-]|(?<=\d):(?=\d)){1,100}?"
_KNOWN_NAME = (
    r"(?i:(?:final |clinical )?(?:findings?|impressions?|conclusions?|indications?|history|comparisons?|technique"
    rf"|examination)|(?:electronically )?{_READ_BY}|(?:interpreting )?(?:physician|radiologist))"
)
_HEADER = re.compile(
    # a name with a colon at the start of a line, in upper case or, if it is a well-known one, in any case
    rf"^[ \t]*(?P<line>{_UPPER_CASE_HEADER}|{_KNOWN_NAME})[ \t]*[:;](?=\s|[A-Za-z_]|$)"
    # a well-known one alone on its line, or with a dash
    r"|^[ \t]*(?P<alone>FINDINGS?|IMPRESSIONS?|CONCLUSIONS?)(?:[ \t]*$|[ \t]+--?(?=\s))"
    # a well-known one in the middle of a line
    r"|(?<=[.?!_\s])(?P<inside>"
    r"(?:CLINICAL )?(?:FINDINGS?|IMPRESSIONS?|CONCLUSIONS?)(?:(?: AND | & |/)(?:FINDINGS|IMPRESSION))?"
    r"|ADDENDUM|COMPARISONS?|(?:CLINICAL )?HISTORY|INDICATIONS?|NOTIFICATION|RECOMMENDATIONS?|TECHNIQUE"
    r"|(?:READ|INTERPRETED|REPORTED) BY|(?:INTERPRETING )?(?:PHYSICIAN|RADIOLOGIST))[ \t]*:(?=\s)",
    re.MULTILINE,
)
_FINAL_REPORT = re.compile(r"^[ \t]*FINAL REPORT[ \t]*$", re.MULTILINE)
_PARAGRAPH_BREAK = re.compile(r"\n[ \t]*\n\s*(?=\S)")


@dataclass(frozen=True, slots=True)
class Section:
    kind: str  # "preamble", "findings", "impression", "indication", "last paragraph", …
    header: str  # as written, "" where there is none
    text: str

    @property
    def told(self) -> str:
        """Its text, after a sub-heading that says what the text is about: "LEFT LUNG: Clear."."""
        names_its_kind = _named_kind(self.header, inside="preamble") == self.kind
        sub_heading = self.kind in CONTENT_KINDS and not names_its_kind
        return with_heading(self.header, self.text) if sub_heading else self.text


def split_sections(text: str) -> tuple[Section, ...]:
    """The sections of a report, in order; what lies above the line FINAL REPORT is preamble.

    A report that never names findings or impression often closes with them all the same, under the last other
    header: such closing paragraphs become the section "last paragraph".
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    final = _FINAL_REPORT.search(text)
    kind, header, begin = "preamble", "", 0
    sections = []
    cuts = list(_HEADER.finditer(text, final.end() if final else 0))
    ends = [*(cut.start() for cut in cuts[1:]), len(text)]
    for cut, end in zip(cuts, ends, strict=False):
        above, name = text[begin : cut.start()], _name(cut)
        following = kind_of(name, inside=kind, tells=bool(_TELLS.search(text, cut.end(), end)))
        if kind in CONTENT_KINDS and _opens_nothing(name, following, above):
            continue
        sections.append(Section(kind, header, above))
        kind, header, begin = following, name, cut.end()
    sections.append(Section(kind, header, text[begin:]))
    if not any(section.kind in CONTENT_KINDS for section in sections):
        sections[-1:] = _without_last_paragraph(sections[-1])
    return tuple(section for section in sections if section.text.strip())


def _opens_nothing(name: str, kind: str, above: str) -> bool:
    """Whether a header stands inside findings' text: a wet read's stamp before any of it, or the end of a phrase."""
    if kind == "wet read":
        return not above.strip()
    return _END_OF_A_PHRASE.fullmatch(name) is not None and _UNFINISHED_LINE.search(above[-200:]) is not None


def _name(cut: re.Match[str]) -> str:
    return " ".join(cut[cut.lastgroup].split())


@lru_cache(maxsize=8192)
def kind_of(header: str, inside: str = "preamble", tells: bool = False) -> str:
    """The kind of section a header opens.

    `inside` is the kind of the section before it; `tells` is whether its text speaks of findings.
    """
    kind = _named_kind(header, inside)
    of_the_image = _OF_THE_IMAGE.search(header) is not None and not _OF_ANOTHER_IMAGE.match(header)
    # two hints make sure that it describes the examination's image, not how that was made
    if kind == "examination" and sum((inside in CONTENT_KINDS, of_the_image, tells)) >= 2:
        kind = None
    if kind is None and inside in CONTENT_KINDS:
        return inside
    return kind or ("findings" if of_the_image else "other")


def _named_kind(header: str, inside: str) -> str | None:
    words = set(map(_as_spelled_right, re.findall(r"[a-z]+", header.lower())))
    if _SIGNATURE.search(header):
        words.add("signature")
    if inside in CONTENT_KINDS:
        words -= _SAY_NOTHING_INSIDE
    ranks = [_RANK_OF_WORD[word] for word in words if word in _RANK_OF_WORD]
    return _KINDS_AND_WORDS[min(ranks)][0] if ranks else None


def _as_spelled_right(word: str) -> str:
    """A known word for a misspelled one; at a little distance ("HISTROY") its first letter must be right.

    COMPRESSION is no impression, and OPACIFICATION no notification.
    """
    if word in _RANK_OF_WORD or len(word) < 6 or _OF_THE_IMAGE.fullmatch(word):
        return word
    near = get_close_matches(word, _LONG_WORDS, n=1, cutoff=0.85)
    if near and (near[0][0] == word[0] or get_close_matches(word, near, cutoff=0.87)):
        return near[0]
    return word


def _without_last_paragraph(section: Section) -> Iterator[Section]:
    paragraph = _PARAGRAPH_BREAK.search(section.text) if section.header else None
    if paragraph is None or not section.text[: paragraph.start()].strip():
        yield section
        return
    yield Section(section.kind, section.header, section.text[: paragraph.start()])
    yield Section("last paragraph", "", section.text[paragraph.end() :])
