"""Radiology reports as text -> sections, indication and sentences."""

from __future__ import annotations

from dataclasses import dataclass

from pipelines.report_text.list_items import BETWEEN_TEXTS
from pipelines.report_text.sections import CONTENT_KINDS, split_sections
from pipelines.report_text.sentences import split_sentences


@dataclass(frozen=True, slots=True)
class ParsedReport:
    """`sections` maps a kind ("findings", "indication", …) to its text; sections of one kind are joined in order."""

    sections: dict[str, str]
    indication: str | None
    sentences: tuple[str, ...]  # of findings, then impression; none if the report has neither


def parse(text: str) -> ParsedReport:
    """Reads a report as it lies in the file; any text is accepted, an empty one has no sections."""
    parts: dict[str, list[str]] = {}
    for section in split_sections(text):
        parts.setdefault(section.kind, []).append(section.told)
    sections = {kind: "\n\n".join(part.strip() for part in texts) for kind, texts in parts.items()}
    return ParsedReport(
        sections=sections,
        indication=_indication(sections),
        # with the line breaks between a header and its text: they say how wide the first line was
        sentences=tuple(s for kind in CONTENT_KINDS for s in split_sentences(BETWEEN_TEXTS.join(parts.get(kind, ())))),
    )


def _indication(sections: dict[str, str]) -> str | None:
    for kind in ("indication", "history"):
        text = " ".join(sections.get(kind, "").split())
        if text:
            return text
    return None
