"""The comparison as a Markdown table: a row per figure, a column per model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

MARKS = {"ahead": "✓", "level": "≈", "behind": "✗", "unknown": "?"}
_LEGEND = """\
Figure ± bootstrap deviation on the test phantoms; more is better everywhere. The mark behind a baseline says where
Chex-Ray is: ✓ ahead of it by more than one deviation of the difference, ≈ within one deviation, ✗ behind by more,
? where a figure is not defined. A difference is taken on the same bootstrap draws wherever both models have answered
the same samples. – : the baseline gives no such answer. The best guess is the better of what the task itself compares
with, made without a look at the image; Chex-Ray's own deviation counts there.
"""


def as_table(results: Mapping[str, Mapping[str, Any]], baselines: Sequence[str], rows: Sequence[str] = ()) -> str:
    """`rows`: the figures to show, in order; all without any. Figures that are missing say so."""
    names = list(rows) or list(results)
    header = ["figure", "samples", "Chex-Ray", *baselines, "best guess", "ahead of all"]
    lines = [_line(header), "|---" * len(header) + "|"]
    for name in names:
        figure = results.get(name)
        if figure is None:
            lines.append(_line([name, "0", "not measured", *["–"] * (len(baselines) + 2)]))
            continue
        others = [*(figure["baselines"].get(kind) for kind in baselines), figure["best_guess"]]
        cells = [_baseline(other) for other in others]
        ahead = "yes" if figure["ahead_of_all"] else "no"
        lines.append(_line([name, str(figure["samples"]), _number(figure), *cells, ahead]))
    measured = [results[name] for name in names if name in results]
    ahead = sum(figure["ahead_of_all"] for figure in measured)
    said = f"Chex-Ray is ahead of every baseline in {ahead} of {len(names)} figures.\n"
    definitions = [
        f"- **{name}** ({results[name]['task']}): {results[name]['definition']}" for name in names if name in results
    ]
    return "\n".join([*lines, "", said, _LEGEND, *definitions]) + "\n"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _baseline(other: Mapping[str, Any] | None) -> str:
    return "–" if other is None else f"{_number(other)} {MARKS[other['verdict']]}"


def _number(figure: Mapping[str, Any]) -> str:
    if figure["value"] is None:
        return "undefined"
    shown = f"{figure['value']:.3f}"
    return shown if figure["std"] is None else f"{shown} ± {figure['std']:.3f}"
