"""Radiology reports as text -> sections, indication and sentences."""

from __future__ import annotations

from dataclasses import dataclass

from pipelines.sections import CONTENT_KINDS, split_sections
from pipelines.sentences import split_sentences


@dataclass(frozen=True, slots=True)
class ParsedReport:
    """`sections` maps a kind ("findings", "indication", …) to its text; sections of one kind are joined in order."""

    sections: dict[str, str]
    indication: str | None
    sentences: tuple[str, ...]  # of findings, then impression; none if the report has neither


def parse(text: str) -> ParsedReport:
    """Reads a report as it lies in the file; any text is accepted, an empty one has no sections."""
    sections: dict[str, str] = {}
    for section in split_sections(text):
        earlier = sections.get(section.kind)
        body = section.text.strip()
        sections[section.kind] = f"{earlier}\n\n{body}" if earlier else body
    return ParsedReport(
        sections=sections,
        indication=_indication(sections),
        sentences=tuple(s for kind in CONTENT_KINDS if kind in sections for s in split_sentences(sections[kind])),
    )


def _indication(sections: dict[str, str]) -> str | None:
    for kind in ("indication", "history"):
        text = " ".join(sections.get(kind, "").split())
        if text:
            return text
    return None
