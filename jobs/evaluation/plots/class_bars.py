"""A figure's classes as bars with their bootstrap deviation, beside the figure itself and its baseline."""

from __future__ import annotations

from collections.abc import Mapping
from operator import sub
from typing import TYPE_CHECKING, Any

from jobs.evaluation.plots.layout import BLUE, INK, ORANGE, drawing, tidy

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

FEWEST_CLASSES = 2
_PLAIN = {"facecolor": "white", "edgecolor": "none", "pad": 0.6}  # so that no line runs through a number
_MOST_AT_AN_END = 20  # of very many classes the best and the worst are shown


def class_bars(name: str, figure: Mapping[str, Any]) -> Drawing:
    """figure: as figures.json has it."""
    classes = {label: value for label, value in figure["classes"].items() if value is not None}
    ordered = sorted(classes, key=lambda label: (classes[label], label))
    title = f"{name} by class"
    if len(ordered) > 2 * _MOST_AT_AN_END:
        title += f": the {_MOST_AT_AN_END} highest and lowest of {len(ordered)}"
        ordered = ordered[:_MOST_AT_AN_END] + ordered[-_MOST_AT_AN_END:]
    spread = figure.get("class_std", {})
    definition = f"{figure['definition'][:1].upper()}{figure['definition'][1:]}. {figure['samples']} samples."
    if spread:
        definition += f" Whiskers: ± one standard deviation of {figure['draws']} bootstrap draws."
    made = drawing(8.6, 0.9 + 0.215 * len(ordered), title, definition)
    axes = made.add_subplot()
    values = [classes[label] for label in ordered]
    deviations = [spread.get(label) or 0.0 for label in ordered]
    axes.barh(range(len(ordered)), values, height=0.68, color=BLUE)
    if spread:
        axes.errorbar(values, range(len(ordered)), xerr=deviations, fmt="none", ecolor=INK, elinewidth=1, capsize=2.2)
    reach = max(1.0, *(value + deviation for value, deviation in zip(values, deviations, strict=True)))
    for place, (value, deviation) in enumerate(zip(values, deviations, strict=True)):
        axes.text(
            value + deviation + 0.012 * reach, place, f"{value:.2f}", va="center", fontsize=7, color=INK, bbox=_PLAIN
        )
    _mark(axes, figure["value"], "all classes", INK, "-")
    _mark(axes, figure["baseline"], f"all classes, {_name_of_baseline(figure)}", ORANGE, "--")
    axes.set_yticks(range(len(ordered)), ordered)
    axes.set_ylim(-0.7, len(ordered) - 0.3)
    lowest = min(0.0, figure["value"] or 0.0, figure["baseline"] or 0.0, *map(sub, values, deviations))
    axes.set_xlim(lowest * 1.07, reach * 1.07)
    axes.set_xlabel(name, fontsize=9, color=INK)
    axes.grid(axis="x", color="#e6eaef", linewidth=0.7)
    tidy(axes)
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, frameon=False, fontsize=8, borderaxespad=0.2)
    return made


def _name_of_baseline(figure: Mapping[str, Any]) -> str:
    return next(name for name, value in figure["baselines"].items() if value == figure["baseline"])


def _mark(axes, value: float | None, what: str, colour: str, style: str) -> None:
    if value is not None:
        axes.axvline(value, color=colour, linestyle=style, linewidth=1.4, label=f"{what}: {value:.3f}")
