"""Charts of the robustness tasks: what stays under each change, and probabilities against frequencies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from chex.metrics.calibration import calibration_error, reliability_curve
from jobs.evaluation.robustness.agreement import MEASURES, Change

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

_TITLES = {"iou": "IoU of boxes", "change": "|change of the probability|", "flips": "labels that flip"}


def agreement_chart(changes: Mapping[str, Change], title: str) -> Drawing:
    """A panel per measure with a bar per change, and a mark where the answer about another image would lie."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 1.4 + 0.24 * len(changes)), layout="constrained")
    panels = figure.subplots(1, len(MEASURES), sharey=True)
    places = np.arange(len(changes))[::-1]
    for axes, measure in zip(panels, MEASURES, strict=True):
        own = [_mean(*change.measures(change.answered)[measure]) for change in changes.values()]
        others = [_mean(*change.measures(change.of_others)[measure]) for change in changes.values()]
        axes.barh(places, own, color="C0", alpha=0.85, label="the same image")
        axes.plot(others, places, "|", color="C3", markersize=9, markeredgewidth=2, label="another image")
        axes.set_title(_TITLES[measure], fontsize=9)
        axes.set_xlim(left=0)
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_yticks(places, list(changes), fontsize=7)
    panels[-1].legend(fontsize=7, frameon=False, loc="lower right")
    figure.suptitle(title, fontsize=10)
    return figure


def reliability_chart(versions: Mapping[str, np.ndarray], targets: np.ndarray) -> Drawing:
    """A line per version of the probabilities (N,), against how often the finding is there, and where most are said."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 5.4), layout="constrained")
    axes, counts = figure.subplots(2, 1, height_ratios=[4, 1], sharex=True)
    axes.plot([0, 1], [0, 1], color="grey", linewidth=0.8, linestyle=":")
    for name, probabilities in versions.items():
        curve, error = reliability_curve(probabilities, targets), float(calibration_error(probabilities, targets)[0])
        axes.plot(curve.probability[0], curve.frequency[0], "o-", markersize=4, label=f"{name}: error {error:.3f}")
        counts.stairs(curve.count[0], curve.edges)
    axes.set_ylabel("how often the finding is there", fontsize=9)
    axes.legend(fontsize=8, frameon=False)
    counts.set_ylabel("answers", fontsize=9)
    counts.set_xlabel("probability that is said", fontsize=9)
    figure.suptitle("Do probabilities mean what they say?", fontsize=10)
    return figure


def _mean(values: np.ndarray, counts: np.ndarray) -> float:
    return float(values[counts].mean()) if counts.any() else float("nan")
