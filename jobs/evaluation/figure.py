"""A figure beside its baseline, and the files that hold all of them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chex.metrics.bootstrap import Spread


@dataclass(frozen=True, slots=True)
class Figure:
    """`baseline` names the entry of `baselines` that the value is to be compared with."""

    value: float
    baselines: dict[str, float]
    baseline: str
    definition: str
    samples: int
    spread: Spread | None = None
    classes: dict[str, float] = field(default_factory=dict)
    class_spreads: dict[str, Spread] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.baseline not in self.baselines:
            raise ValueError(f"no baseline {self.baseline!r}; there are {list(self.baselines)}")

    def as_dict(self) -> dict[str, Any]:
        """JSON values; what is undefined (NaN) becomes null."""
        written: dict[str, Any] = {
            "value": _number(self.value),
            "baseline": _number(self.baselines[self.baseline]),
            "baselines": {name: _number(value) for name, value in self.baselines.items()},
            "definition": self.definition,
            "samples": self.samples,
        }
        if self.spread:
            written |= {"std": _number(self.spread.std), "low": _number(self.spread.low)}
            written |= {"high": _number(self.spread.high), "draws": self.spread.draws}
        if self.classes:
            written["classes"] = {name: _number(value) for name, value in self.classes.items()}
        if self.class_spreads:
            written["class_std"] = {name: _number(spread.std) for name, spread in self.class_spreads.items()}
        return written


def _number(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]], notes: Mapping[str, Any]) -> None:
    """One Parquet row per sample; `notes` become JSON in the file's metadata."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.Table.from_pylist(list(rows))
    table = table.replace_schema_metadata({name: json.dumps(value) for name, value in notes.items()})
    pq.write_table(table, path, compression="zstd")


def write_summary(output: Path, summary: Mapping[str, Any]) -> None:
    """figures.json and table.md."""
    output.mkdir(parents=True, exist_ok=True)
    (output / "figures.json").write_text(json.dumps(summary, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    (output / "table.md").write_text(as_table(summary["figures"]), encoding="utf-8")


def as_table(figures: Mapping[str, Mapping[str, Any]]) -> str:
    """A Markdown table: every figure with its spread, its baselines and what it means."""
    lines = ["| figure | value | baseline | samples | definition |", "|---|---|---|---|---|"]
    for name, figure in figures.items():
        value = _shown(figure["value"])
        if figure.get("std") is not None:
            value += f" ± {_shown(figure['std'])}"
        baselines = ", ".join(f"{_shown(number)} ({which})" for which, number in figure["baselines"].items())
        lines.append(f"| {name} | {value} | {baselines} | {figure['samples']} | {figure['definition']} |")
    return "\n".join(lines) + "\n"


def _shown(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
