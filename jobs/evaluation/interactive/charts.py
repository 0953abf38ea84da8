"""Charts of the interactive tasks: dots of cases with their means, and bars with their spread."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from chex.metrics.bootstrap import bootstrap, weighted_mean
from jobs.evaluation.plots.layout import BLUE, GREY, INK, ORANGE, drawing, tidy

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

DRAWS = 500  # of the intervals that are drawn
_DARK, _LIGHT = "#1f3b73", "#c9d6f0"
_COLOURS = (BLUE, ORANGE, GREY)
_SPREAD = f"95 % interval of {DRAWS} bootstrap draws of images"


def strips(
    groups: Mapping[str, tuple[np.ndarray, Sequence[float]]], sample: np.ndarray, *, title: str, axis: str
) -> Drawing:
    """A strip of dots per group: values (cases,) and box scores (darker is higher); mean and 95 % interval beside it.

    sample (cases,): which image a case is of; the interval is that of other images.
    """
    from matplotlib.colors import LinearSegmentedColormap

    definition = (
        f"{len(sample)} cases in {len(set(sample.tolist()))} images; a dot is a case, the darker the higher the score of "
        f"its box. Orange: mean and {_SPREAD}."
    )
    figure = drawing(1.4 + 1.7 * len(groups), 4.6, title, definition)
    axes = figure.add_subplot()
    shades = LinearSegmentedColormap.from_list("scores", [_LIGHT, _DARK])
    for place, (values, scores) in enumerate(groups.values()):
        values, scores = np.asarray(values, dtype=np.float64), np.asarray(scores, dtype=np.float64)
        aside = np.random.default_rng(place).uniform(-0.26, 0.26, len(values))
        order = np.argsort(scores, kind="stable")
        axes.scatter(
            place + aside[order], values[order], c=scores[order], cmap=shades, vmin=0, vmax=1, s=13, linewidths=0
        )
        _mean_mark(axes, place, values, sample)
    axes.axhline(0, color=GREY, linewidth=0.8, linestyle=":")
    _finish(axes, list(groups), axis)
    return figure


def bars(groups: Mapping[str, Mapping[str, np.ndarray]], sample: np.ndarray, *, title: str, axis: str) -> Drawing:
    """Groups of bars, one per measure, the mean of its values (cases,) with its 95 % interval; NaN does not count."""
    spans = {
        group: {measure: _interval(values, sample) for measure, values in measures.items()}
        for group, measures in groups.items()
    }
    return _drawn_bars(spans, title, axis, f"{len(sample)} cases in {len(set(sample.tolist()))} images")


def scores(
    groups: Mapping[str, Mapping[str, Callable[[np.ndarray], np.ndarray]]], samples: int, *, title: str, axis: str
) -> Drawing:
    """The same of scores that are functions of weights (D, samples), such as an F1."""
    spans = {}
    for group, measures in groups.items():
        spreads = {name: bootstrap(score, samples, DRAWS) for name, score in measures.items()}
        once = np.ones((1, samples))
        spans[group] = {name: (float(measures[name](once)[0]), s.low, s.high) for name, s in spreads.items()}
    return _drawn_bars(spans, title, axis, f"{samples} images")


def _drawn_bars(
    spans: Mapping[str, Mapping[str, tuple[float, float, float]]], title: str, axis: str, of: str
) -> Drawing:
    measures = list(dict.fromkeys(measure for found in spans.values() for measure in found))
    nothing = (float("nan"),) * 3
    figure = drawing(2.4 + 1.3 * len(spans), 4.4, title, f"{of}. Whiskers: {_SPREAD}.")
    axes = figure.add_subplot()
    width = 0.8 / len(measures)
    for number, measure in enumerate(measures):
        places = np.arange(len(spans)) + (number - (len(measures) - 1) / 2) * width
        means, low, high = np.array([found.get(measure, nothing) for found in spans.values()]).T
        axes.bar(places, means, width * 0.92, label=measure, color=_COLOURS[number])
        reach = np.maximum([means - low, high - means], 0)  # a skewed score may lie outside of its own interval
        axes.errorbar(places, means, reach, fmt="none", ecolor=INK, capsize=2, linewidth=1)
    if len(measures) > 1:
        axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=len(measures), fontsize=8, frameon=False)
    axes.axhline(0, color=GREY, linewidth=0.8)
    _finish(axes, list(spans), axis)
    return figure


def _mean_mark(axes, place: int, values: np.ndarray, sample: np.ndarray) -> None:
    mean, low, high = _interval(values, sample)
    reach = [[max(mean - low, 0)], [max(high - mean, 0)]]
    axes.errorbar(place + 0.36, mean, reach, fmt="o", color=ORANGE, markersize=4, capsize=3)
    axes.annotate(
        f"{mean:+.2f}", (place + 0.36, high), xytext=(0, 4), textcoords="offset points",
        ha="center", fontsize=8, color=ORANGE,
    )  # fmt: skip


def _interval(values: np.ndarray, sample: np.ndarray) -> tuple[float, float, float]:
    """Mean, and the ends of its 95 % interval over draws of images."""
    values = np.asarray(values, dtype=np.float64)
    known = ~np.isnan(values)
    if not known.any():
        return float("nan"), float("nan"), float("nan")
    values, (_, place) = values[known], np.unique(np.asarray(sample)[: len(known)][known], return_inverse=True)
    spread = bootstrap(lambda weights: weighted_mean(values, weights[:, place]), int(place.max()) + 1, DRAWS)
    return float(values.mean()), spread.low, spread.high


def _finish(axes, names: Sequence[str], axis: str) -> None:
    axes.set_xticks(range(len(names)), [textwrap.fill(name, 17) for name in names], fontsize=8)
    axes.set_xlim(-0.6, len(names) - 0.4)
    axes.set_ylabel(axis, fontsize=9, color=INK)
    tidy(axes)
