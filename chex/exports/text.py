"""Plain text: the report as a person reads it, with what each sentence points to."""

from __future__ import annotations

import textwrap

from chex.exports.concepts import display_name
from chex.exports.pixel_boxes import corners
from chex.exports.provenance import NOTICE, algorithm_name, algorithm_version
from chex.exports.statements import shows_boxes
from chex.records import Finding, Report, SourceImage

FORMAT = "text"
SUFFIX = ".txt"
MEDIA_TYPE = "text/plain; charset=utf-8"
NEEDS = frozenset()


def encode(report: Report, source: SourceImage) -> bytes:
    """The text, then the findings with boxes (left, top, right, bottom in pixels of the original image)."""
    made = report.provenance
    image = f"Image: {source.uri} ({source.width} x {source.height})"
    author = f"Written by {algorithm_name(made)}, {algorithm_version(made)}; prompts: {made.prompt_set}"
    paragraphs = [
        textwrap.fill(report.text or "No sentence was written.", 100),
        *("\n".join(_lines(place, finding, source)) for place, finding in enumerate(report.findings, start=1)),
        f"{image}\n{author}\n{NOTICE}",
    ]
    return ("\n\n".join(paragraphs) + "\n").encode()


def _lines(place: int, finding: Finding, source: SourceImage) -> list[str]:
    names = ", ".join((display_name(finding), *(name.replace("_", " ") for name in finding.parents)))
    lines = [f"{place}. {names}"]
    if finding.sentence:
        lines += textwrap.wrap(finding.sentence, 96, initial_indent="   ", subsequent_indent="   ")
    for scored in finding.boxes if shows_boxes(finding) else ():
        left, top, right, bottom = (round(value) for value in corners(scored.box, source))
        lines.append(f"   at {left}, {top}, {right}, {bottom} (score {scored.score:.2f})")
    return lines
