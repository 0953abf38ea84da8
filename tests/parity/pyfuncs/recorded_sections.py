"""The sections of a report, ours and the recorded ones, in the same terms."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from pipelines.report_text.sections import kind_of, split_sections

_FINAL_REPORT = re.compile(r"^[ \t]*FINAL REPORT[ \t]*$", re.MULTILINE)
_PRELIMINARY = re.compile(r"PFI|PROVISIONAL", re.IGNORECASE)
_OWN_NAMES = {"preamble": "preamble", "full report": "preamble", "last_paragraph": "last paragraph"}


class Part(NamedTuple):
    kind: str
    text: str  # white space folded
    start: int  # of the first word in the report


def folded(text: str) -> str:
    return " ".join(text.split())


def our_kind(name: str) -> str:
    """What we call the kind that the authors' parser calls `name`."""
    return _OWN_NAMES.get(name) or kind_of(name)


def our_parts(report: str) -> list[Part]:
    """Our sections. A preliminary reading under a header of its own is a history for the authors' parser."""
    parts, place = [], 0
    for section in split_sections(report):
        place = report.index(section.text, place)
        kind = "history" if _PRELIMINARY.search(section.header) else section.kind
        parts.append(Part(kind, folded(section.text), place + _margin(section.text)))
        place += len(section.text)
    return parts


def recorded_parts(case: dict[str, Any]) -> list[Part]:
    """The recorded sections, after two rules of ours.

    What lies above the line FINAL REPORT is preamble, headers included; and what follows no header is preamble too,
    its closing paragraphs included.
    """
    report = case["text"]
    parts = [
        Part(our_kind(name), folded(text), start + _margin(report[start:]))
        for name, text, start in zip(case["section_names"], case["sections"], case["section_idx"], strict=True)
    ]
    final = _FINAL_REPORT.search(report)
    first = next((n for n, part in enumerate(parts) if final and part.start >= final.end()), 1)
    if case["section_names"] == ["full report", "last_paragraph"]:
        first = 2
    if first > 1:
        end = _header_start(report, parts[first].start) if first < len(parts) else len(report)
        above = folded(report[:end])
        place = 0
        for part in parts[:first]:  # nothing but headers may lie between them
            place = above.index(part.text, place) + len(part.text)
        parts[:first] = [Part("preamble", above, _margin(report))]
    return parts


def _header_start(report: str, start: int) -> int:
    """Where the line or header begins whose text starts at `start`."""
    colon = report.rindex(":", 0, start)
    return report.rindex("\n", 0, colon) + 1


def _margin(text: str) -> int:
    return len(text) - len(text.lstrip())
