"""Figures of several experiments and seeds as one table: means, spread, and what differs from the reference."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

FIGURES = ("anatomy_mean_iou", "pathology_map", "region_auroc", "image_auroc", "report_micro_f1", "report_macro_f1")


def summarised(runs: Sequence[Mapping[str, Any]], reference: str) -> dict[str, dict[str, dict[str, Any]]]:
    """Experiment → figure → mean and sample standard deviation over its seeds, and the same of the differences.

    Differences are taken from the reference's run of the same seed; what one seed alone cannot tell is None. Under
    "baseline" is what each figure would be without a model.
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
    for (experiment, name), by_seed in values.items():
        usual = values.get((reference, name), {})
        both = sorted(set(by_seed) & set(usual))
        found = _spread(list(by_seed.values())) | {"seeds": sorted(by_seed)}
        if experiment != reference and both:
            found["difference"] = _spread([by_seed[seed] - usual[seed] for seed in both])
        summary.setdefault(experiment, {})[name] = found
    return summary


def as_table(summary: Mapping[str, Mapping[str, Any]], names: Sequence[str], reference: str) -> str:
    """Markdown: one line per experiment. "0.512 ± 0.010 (−0.020 ± 0.004)": its figure, and what the reference has less."""
    shown = [name for name in FIGURES if any(name in figures for figures in summary.values())]
    lines = [" | ".join(["", "experiment", "seeds", *shown, ""]).strip(), "|---" * (len(shown) + 2) + "|"]
    for experiment in (*names, "baseline"):
        figures = summary.get(experiment, {})
        seeds = "–" if experiment == "baseline" else str(max((len(f["seeds"]) for f in figures.values()), default=0))
        cells = [_cell(figures.get(name)) for name in shown] if figures else ["not run"] * len(shown)
        if experiment != "baseline" or figures:
            lines.append(" | ".join(["", experiment, seeds, *cells, ""]).strip())
    return "\n".join(lines) + "\n"


def _spread(values: Sequence[float]) -> dict[str, Any]:
    spread = statistics.stdev(values) if len(values) > 1 else None
    return {"mean": math.fsum(values) / len(values), "std": spread}


def _cell(figure: Mapping[str, Any] | None) -> str:
    if figure is None:
        return "–"
    difference = figure.get("difference")
    return _number(figure, "") + (f" ({_number(difference, '+')})" if difference else "")


def _number(spread: Mapping[str, Any], sign: str) -> str:
    mean = f"{spread['mean']:{sign}.3f}".replace("-", "−")
    return mean if spread["std"] is None else f"{mean} ± {spread['std']:.3f}"
