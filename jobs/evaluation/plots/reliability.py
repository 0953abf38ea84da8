"""How often is true what is said to be probable? A curve of one against the other, and how often each was said."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from chex.metrics.calibration import reliability_curve
from jobs.evaluation.plots.layout import BLUE, GREY, INK, drawing, tidy

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing


def reliability_plot(task: str, probabilities: np.ndarray, targets: np.ndarray) -> Drawing:
    """probabilities, targets: (N,), as `EvaluationTask.reliability` gives them."""
    curve = reliability_curve(probabilities, targets)
    said, true, count = curve.probability[0], curve.frequency[0], curve.count[0]
    error = float(curve.error[0])
    definition = (
        f"{int(count.sum())} statements in {len(count)} bins of equal width; a point is a bin's mean probability and the "
        "share of its statements that is true, whiskers ± one binomial standard error. Expected calibration error: mean "
        "distance from the diagonal, bins counted by their statements; 0 to 1, less is better."
    )
    made = drawing(5.6, 5.6, f"Reliability: {task}", definition)
    axes, below = made.subplots(2, 1, sharex=True, height_ratios=(4, 1))
    filled = count > 0
    deviation = np.sqrt(true[filled] * (1 - true[filled]) / count[filled])
    axes.plot((0, 1), (0, 1), color=GREY, linestyle="--", linewidth=1.2, label="as often true as said")
    axes.errorbar(
        said[filled], true[filled], yerr=deviation, color=BLUE, marker="o", markersize=5, linewidth=1.6, capsize=2.5,
        ecolor=INK, elinewidth=0.9, label=f"the model; expected calibration error {error:.3f}",
    )  # fmt: skip
    axes.set(xlim=(0, 1), ylim=(0, 1))
    axes.set_ylabel("share that is true", fontsize=9, color=INK)
    axes.legend(loc="upper left", frameon=False, fontsize=8)
    axes.grid(color="#e6eaef", linewidth=0.7)
    width = np.diff(curve.edges)
    below.bar(curve.edges[:-1], np.maximum(count, 0.5), width=width * 0.94, align="edge", color=BLUE)
    below.set(yscale="log", ylim=(0.5, None))
    below.set_ylabel("statements", fontsize=9, color=INK)
    below.set_xlabel("probability that was said", fontsize=9, color=INK)
    for each in (axes, below):
        tidy(each)
    return made
