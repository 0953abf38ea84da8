"""figures.json and table.md: what an evaluation says, for programs and for people."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from jobs.evaluation.paper import Published, published_figures
from pipelines.output_folder import OutputFolder

_NOTE = (
    "The paper's columns are its table 2 (Müller, Kaissis, Rueckert: ChEX, ECCV 2024), divided by 100: figures of its "
    "model on its test splits, with CheXbert's labels. Compare with them only figures of the same data and labels: "
    "phantoms and other splits are easier or harder, and the column only shows where they lie."
)
_COLUMNS = "| figure | value | baselines | samples | definition |", "|---|---|---|---|---|"
_PAPER_COLUMNS = (
    "| data, metric | value | ChEX (paper) | its best baseline | baselines here | samples | figure: definition |",
    "|---|---|---|---|---|---|---|",
)


def write_summary(folder: OutputFolder, summary: Mapping[str, Any]) -> None:
    """figures.json, and the tables as table.md."""
    folder.write("table.md", as_page(summary).encode())
    content = json.dumps(summary, indent=2, ensure_ascii=False) + "\n"
    folder.write("figures.json", content.encode())


def as_page(summary: Mapping[str, Any]) -> str:
    """Markdown: the figures of the paper's tasks beside those of its table 2, then all others, then what is left out."""
    figures = summary["figures"]
    published = [row for row in published_figures() if row.figure in figures]
    others = {name: figure for name, figure in figures.items() if name not in {row.figure for row in published}}
    model = summary["model"].get("model_name", "a model")
    lines = [f"# {model} on {summary['data']}, split {summary['split']}", ""]
    if published:
        lines += ["## The tasks of the paper", "", _NOTE, ""]
    for task in dict.fromkeys(row.task for row in published):
        rows = [row for row in published if row.task == task]
        lines += [f"### {task}", "", *_PAPER_COLUMNS, *(_beside_paper(row, figures[row.figure]) for row in rows), ""]
    if others:
        lines += ["## Figures of our own" if published else "## Figures", "", as_table(others)]
    for name, options in summary["tuned"].items():
        lines += [f"Tuned for {name} on the validation split: `{json.dumps(options)}`", ""]
    lines += [f"- {name} is left out: {reason}" for name, reason in summary["left_out"].items()]
    return "\n".join(lines).rstrip("\n") + "\n"


def as_table(figures: Mapping[str, Mapping[str, Any]]) -> str:
    """A Markdown table: every figure with its spread, its baselines and what it means."""
    rows = [
        f"| {name} | {_value(figure)} | {_baselines(figure)} | {figure['samples']} | {figure['definition']} |"
        for name, figure in figures.items()
    ]
    return "\n".join([*_COLUMNS, *rows]) + "\n"


def _beside_paper(row: Published, figure: Mapping[str, Any]) -> str:
    paper = _shown(row.chex / 100, row.chex_std and row.chex_std / 100)
    best = _shown(row.baseline / 100, row.baseline_std and row.baseline_std / 100)
    cells = (
        f"{row.dataset}, {row.metric}",
        f"**{_value(figure)}**",
        paper,
        f"{best} ({row.baseline_kind})",
        _baselines(figure),
        figure["samples"],
        f"{row.figure}: {figure['definition']}",
    )
    return f"| {' | '.join(map(str, cells))} |"


def _value(figure: Mapping[str, Any]) -> str:
    return _shown(figure["value"], figure.get("std"))


def _baselines(figure: Mapping[str, Any]) -> str:
    return ", ".join(f"{_shown(number)} ({which})" for which, number in figure["baselines"].items())


def _shown(value: float | None, std: float | None = None) -> str:
    if value is None:
        return "–"
    return f"{value:.3f}" if std is None else f"{value:.3f} ± {std:.3f}"
