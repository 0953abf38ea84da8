"""Figures of several experiments and seeds as tables: means, spread, and what differs from the reference."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

TABLES = {
    "boxes": (
        "anatomy_mean_iou", "grounding_miou", "grounding_map", "detection_vindr_map", "detection_nih8_map",
        "detection_mscxr_map",
    ),
    "classes": ("region_auroc", "region_mscxr_auroc", "image_auroc"),
    "texts": (
        "explanation_cig_micro_f1", "explanation_cig_macro_f1", "explanation_mscxr_micro_f1", "report_micro_f1",
        "report_macro_f1", "report_meteor",
    ),
}  # fmt: skip
FIGURES = tuple(name for names in TABLES.values() for name in names)
CLEAR = 3.0  # standard errors; of nine experiments that are alike and two seeds, one in thirty differences is beyond


def summarised(runs: Sequence[Mapping[str, Any]], reference: str) -> dict[str, dict[str, dict[str, Any]]]:
    """Experiment → figure → mean and sample standard deviation over its seeds, and the same of the differences.

    Differences are taken from the reference's run of the same seed; what one seed alone cannot tell is None. A
    difference is `clear` if it is more than CLEAR of its standard errors, by the spread from seed to seed that all
    experiments together show (None: no experiment has two seeds). Under "baseline" is what each figure would be
    without a model, under "spread" that common deviation.
    """
    values: dict[tuple[str, str], dict[int, float]] = {}
    baselines: dict[str, dict[str, Any]] = {}
    for run in runs:
        for name in FIGURES:
            figure = run["figures"].get(name)
            if figure is not None and figure["value"] is not None:
                values.setdefault((run["name"], name), {})[run["seed"]] = figure["value"]
                baselines[name] = _spread([figure["baseline"]]) | {"seeds": []}
    summary: dict[str, dict[str, dict[str, Any]]] = {"baseline": baselines} if baselines else {}
    differences: dict[str, list[list[float]]] = {}
    for (experiment, name), by_seed in values.items():
        usual = values.get((reference, name), {})
        both = sorted(set(by_seed) & set(usual))
        found = _spread(list(by_seed.values())) | {"seeds": sorted(by_seed)}
        if experiment != reference and both:
            paired = [by_seed[seed] - usual[seed] for seed in both]
            differences.setdefault(name, []).append(paired)
            found["difference"] = _spread(paired) | {"seeds": both}
        summary.setdefault(experiment, {})[name] = found
    spread = {name: pooled for name, of_all in differences.items() if (pooled := _pooled(of_all)) is not None}
    for figures in summary.values():
        for name, figure in figures.items():
            if difference := figure.get("difference"):
                error = spread[name] / math.sqrt(len(difference["seeds"])) if name in spread else None
                difference["clear"] = None if error is None else abs(difference["mean"]) > CLEAR * error
    if spread:
        summary["spread"] = {name: {"mean": value, "std": None, "seeds": []} for name, value in spread.items()}
    return summary


def as_table(summary: Mapping[str, Mapping[str, Any]], names: Sequence[str], reference: str) -> str:
    """Markdown, a table for each of TABLES: "0.512 (**−0.020**)" is a figure, and what the reference has less.

    A difference that is clear is bold.
    """
    tables = []
    for title, wanted in TABLES.items():
        shown = [name for name in wanted if any(name in figures for figures in summary.values())]
        if shown:
            tables.append(_table(title, shown, summary, names))
    return "\n".join(tables)


def _table(title: str, shown: Sequence[str], summary: Mapping[str, Mapping[str, Any]], names: Sequence[str]) -> str:
    lines = [_line([title, "seeds", *shown]), "|---" * (len(shown) + 2) + "|"]
    for experiment in names:
        figures = summary.get(experiment, {})
        seeds = str(max((len(f["seeds"]) for f in figures.values()), default=0))
        cells = [_cell(figures.get(name)) for name in shown] if figures else ["not run"] * len(shown)
        lines.append(_line([experiment, seeds, *cells]))
    for extra, what in (("baseline", "baseline"), ("spread", "± of a seed's difference")):
        if figures := summary.get(extra):
            lines.append(_line([what, "–", *(_cell(figures.get(name)) for name in shown)]))
    return "\n".join(lines) + "\n"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _spread(values: Sequence[float]) -> dict[str, Any]:
    spread = statistics.stdev(values) if len(values) > 1 else None
    return {"mean": math.fsum(values) / len(values), "std": spread}


def _pooled(groups: Sequence[Sequence[float]]) -> float | None:
    """The standard deviation around each group's own mean; None where no group has two values."""
    several = [group for group in groups if len(group) > 1]
    if not several:
        return None
    freedom = sum(len(group) - 1 for group in several)
    return math.sqrt(math.fsum(statistics.variance(group) * (len(group) - 1) for group in several) / freedom)


def _cell(figure: Mapping[str, Any] | None) -> str:
    if figure is None:
        return "–"
    difference = figure.get("difference")
    if difference is None:
        return _number(figure["mean"], "")
    told = _number(difference["mean"], "+")
    return f"{_number(figure['mean'], '')} ({f'**{told}**' if difference['clear'] else told})"


def _number(value: float, sign: str) -> str:
    return f"{value:{sign}.3f}".replace("-", "−")
