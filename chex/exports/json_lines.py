"""JSON lines: one report per line, to be read by programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

from chex.exports.statements import states_presence
from chex.records import Finding, Report, SourceImage

FORMAT = "json-lines"
SUFFIX = ".jsonl"
MEDIA_TYPE = "application/jsonl"
NEEDS = frozenset()


def encode(report: Report, source: SourceImage) -> bytes:
    """One line; boxes are x_min, y_min, x_max, y_max relative to the image."""
    line = {
        "uri": source.uri,
        "height": source.height,
        "width": source.width,
        "text": report.text,
        "findings": [_finding(finding) for finding in report.findings],
        "provenance": asdict(report.provenance) | {"thresholds": dict(report.provenance.thresholds)},
    }
    return (json.dumps(line, ensure_ascii=False) + "\n").encode()


def join(files: Sequence[bytes]) -> bytes:
    return b"".join(files)


def _finding(finding: Finding) -> dict:
    return {
        "query": {"name": finding.query.name, "text": finding.query.text, "box": finding.query.box},
        "sentence": finding.sentence,
        "stated": states_presence(finding),  # False: the sentence denies it or finds it normal
        "boxes": [{"box": scored.box, "score": scored.score} for scored in finding.boxes],
        "probabilities": dict(finding.probabilities),
        "parents": finding.parents,
    }
