"""The studies the demo's page shows: generated reports beside what the phantoms were made with."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from chex.pixels import read_radiograph
from jobs.demonstration.page import DemoCase
from jobs.reporting.rows import REPORTED, report_of


def demo_cases(output: Path, wanted: int = 12) -> list[DemoCase]:
    """Up to `wanted` reported phantoms, as different from one another as there are, a normal one among each four."""
    import pyarrow.parquet as pq

    truth = {entry["image_id"]: entry for entry in _truth(output / "raw" / "truth.jsonl")}
    rows = {}
    for part in sorted((output / "reports" / "parquet").rglob("*.parquet")):
        for row in pq.read_table(part).to_pylist():
            if row["status"] == REPORTED:
                rows[Path(row["uri"]).stem] = row
    chosen = _varied([truth[name] for name in sorted(rows) if name in truth], wanted)
    return [_case(entry, rows[entry["image_id"]]) for entry in chosen]


def _truth(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def _varied(entries: list[dict[str, Any]], wanted: int) -> list[dict[str, Any]]:
    """Each next one adds the most kinds of findings that are still rare among the chosen."""
    normal = [entry for entry in entries if not entry["findings"]]
    abnormal = [entry for entry in entries if entry["findings"]]
    seen: dict[str, int] = {}
    chosen: list[dict[str, Any]] = []
    while len(chosen) < wanted and (normal or abnormal):
        pool = normal if (len(chosen) % 4 == 3 and normal) or not abnormal else abnormal
        best = max(pool, key=lambda entry: sum(1 / (1 + seen.get(kind, 0)) ** 2 for kind in _kinds(entry)))
        pool.remove(best)
        chosen.append(best)
        for kind in _kinds(best):
            seen[kind] = seen.get(kind, 0) + 1
    return chosen


def _kinds(entry: dict[str, Any]) -> set[str]:
    return {finding["kind"] for finding in entry["findings"]}


def _case(entry: dict[str, Any], row: dict[str, Any]) -> DemoCase:
    uri = Path(row["uri"])
    boxes = [(_described(finding), tuple(box)) for finding in entry["findings"] for box in finding["boxes"]]
    return DemoCase(
        name=entry["image_id"][:8],
        pixels=read_radiograph(uri.read_bytes(), uri.name).pixels,
        findings=report_of(row).findings,
        truth_boxes=tuple(boxes),
        truth_sentences=tuple(sentence["text"] for sentence in entry["sentences"]),
    )


def _described(finding: dict[str, Any]) -> str:
    words = (finding["severity"], finding["side"], finding["kind"])
    if finding["kind"] == "support device":
        words = (finding["details"].get("device", finding["kind"]),)
    return " ".join(word for word in words if word)
