"""Charts of the robustness tasks: what stays under each change, and probabilities against frequencies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from chex.metrics.calibration import calibration_error, reliability_curve
from jobs.evaluation.plots.layout import BLUE, GREY, ORANGE, drawing, tidy
from jobs.evaluation.robustness.agreement import MEASURES, SAID, Change

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

_TITLES = {"iou": "IoU of boxes", "change": "|change of the probability|", "flips": "labels that flip"}


def agreement_chart(changes: Mapping[str, Change], title: str) -> Drawing:
    """A panel per measure with a bar per change, and a mark where the answer about another image would lie."""
    definition = (
        f"{len(next(iter(changes.values())).sample)} answers under each change. Bars: answers about the same image; marks: "
        f"about another image. IoU of best boxes where the finding is said to be there (probability at least {SAID}); mean "
        f"absolute change of probabilities; share of probabilities that cross {SAID}."
    )
    figure = drawing(11, 1.2 + 0.24 * len(changes), title, definition)
    panels = figure.subplots(1, len(MEASURES), sharey=True)
    places = np.arange(len(changes))[::-1]
    for axes, measure in zip(panels, MEASURES, strict=True):
        own = [_mean(*change.measures(change.answered)[measure]) for change in changes.values()]
        others = [_mean(*change.measures(change.of_others)[measure]) for change in changes.values()]
        axes.barh(places, own, color=BLUE)
        axes.plot(others, places, "|", color=ORANGE, markersize=9, markeredgewidth=2)
        axes.set_title(_TITLES[measure], fontsize=9)
        axes.set_xlim(left=0)
        tidy(axes)
    panels[0].set_yticks(places, list(changes), fontsize=7)
    return figure


def reliability_chart(versions: Mapping[str, np.ndarray], targets: np.ndarray) -> Drawing:
    """A line per version of the probabilities (N,), against how often the finding is there, and where most are said."""
    definition = f"{len(targets)} statements in bins of equal width; expected calibration error: less is better."
    figure = drawing(5.4, 5.2, "Do probabilities mean what they say?", definition)
    axes, counts = figure.subplots(2, 1, height_ratios=[4, 1], sharex=True)
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, linestyle=":")
    for name, probabilities in versions.items():
        curve, error = reliability_curve(probabilities, targets), float(calibration_error(probabilities, targets)[0])
        axes.plot(curve.probability[0], curve.frequency[0], "o-", markersize=4, label=f"{name}: error {error:.3f}")
        counts.stairs(curve.count[0], curve.edges)
    axes.set_ylabel("how often the finding is there", fontsize=9)
    axes.legend(fontsize=8, frameon=False)
    counts.set_ylabel("answers", fontsize=9)
    counts.set_xlabel("probability that is said", fontsize=9)
    for each in (axes, counts):
        tidy(each)
    return figure


def _mean(values: np.ndarray, counts: np.ndarray) -> float:
    return float(values[counts].mean()) if counts.any() else float("nan")
