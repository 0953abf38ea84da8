"""Figures of published metrics that bring models of their own, for generated reports and for those of the baselines."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from chex.metrics.report_metrics import METRICS, ReportMetricUnavailable, mean_report_metric, report_metric
from jobs.evaluation.figure import Figure
from jobs.evaluation.task import SpreadOf
from jobs.evaluation.text_pairs import TextPairs


def report_metric_figures(
    prefix: str, pairs: TextPairs, names: Sequence[str], spread: SpreadOf
) -> tuple[dict[str, Figure], dict[str, str]]:
    """Figures PREFIX_NAME for each of `names`, and those that cannot be made on this machine, each with the reason.

    Of a baseline that is drawn several times only the first drawing counts.
    """
    figures, missing = {}, {}
    for name in names:
        try:
            own, *blind = _scores(name, pairs)
        except ReportMetricUnavailable as reason:
            missing[f"{prefix}_{name}"] = str(reason)
            continue
        baselines = {kind: float(mean_report_metric(found)[0]) for kind, found in zip(pairs.baselines, blind)}
        best = min if METRICS[name].less_is_better else max
        figures[f"{prefix}_{name}"] = Figure(
            value=float(mean_report_metric(own)[0]),
            baselines=baselines,
            baseline=best(baselines, key=baselines.get),
            definition=METRICS[name].definition,
            samples=int((~np.isnan(own)).sum()),
            spread=pairs.spread(spread, partial(mean_report_metric, own)),
        )
    return figures, missing


def _scores(name: str, pairs: TextPairs) -> list[np.ndarray]:
    """(N,) of the texts and of every baseline, all asked at once: the metric's model is loaded once."""
    sides = [pairs.said, *(drawn[0] for drawn in pairs.baselines.values())]
    texts = [" ".join(sentences) for side in sides for sentences in side]
    references = [" ".join(sentences) for sentences in pairs.references]
    return np.split(report_metric(name, texts, references * len(sides)), len(sides))
