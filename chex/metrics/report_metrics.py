"""Published metrics of reports that need models of their own: RadGraph F1, RadCliQ, RaTEScore, GREEN.

They are computed by radeval (Xu et al. 2025, MIT licence), the extra `report-metrics`: it brings some 80 packages and
fetches each metric's weights from the Hugging Face Hub when the metric is first made (GREEN's are a language model of 7
billion parameters, so a GPU should be there). Nothing of it is imported before it is asked for.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from chex.metrics.bootstrap import as_weights, weighted_mean

INSTALL = "pip install 'chex-ray[report-metrics]'"


@dataclass(frozen=True, slots=True)
class ReportMetric:
    """`package_name` is what radeval calls the metric, `key` the entry of its answer that is taken."""

    package_name: str
    key: str
    definition: str
    less_is_better: bool = False


METRICS: Mapping[str, ReportMetric] = MappingProxyType(
    {
        "radgraph_f1": ReportMetric(
            "radgraph",
            "radgraph_partial",
            "RadGraph F1 (Jain et al. 2021; Delbrouck et al. 2022), model RadGraph-XL: F1 of entities with their kinds "
            "that have or lack relations alike, mean over reports; 0 to 1, more is better",
        ),
        "radcliq": ReportMetric(
            "radcliq",
            "radcliq_v1",
            "RadCliQ-v1 (Yu et al. 2023): errors predicted from RadGraph, BERTScore, CheXbert embeddings and BLEU-2, "
            "mean over reports; less is better, may be negative (radeval's own total is one over this mean)",
            less_is_better=True,
        ),
        "ratescore": ReportMetric(
            "ratescore",
            "ratescore",
            "RaTEScore (Zhao et al. 2024): similarity of medical entities, mean over reports; 0 to 1, more is better",
        ),
        "green": ReportMetric(
            "green",
            "green",
            "GREEN (Ostmeier et al. 2024): matched findings over matched findings and significant errors as a language "
            "model counts them, mean over reports; 0 to 1, more is better",
        ),
    }
)
_UNKNOWN = f"a report metric is one of {', '.join(METRICS)}; found {{name!r}}"


class ReportMetricUnavailable(RuntimeError):
    """radeval is not installed, or the metric's weights cannot be loaded; the message says what to do."""


def require_report_metrics(names: Sequence[str]) -> None:
    """Raises ValueError for an unknown name, and ReportMetricUnavailable where radeval is missing; loads no weights."""
    for name in names:
        if name not in METRICS:
            raise ValueError(_UNKNOWN.format(name=name))
        _radeval(name)


def report_metric(name: str, texts: Sequence[str], references: Sequence[str]) -> np.ndarray:
    """(N,): the metric `name` of METRICS for every report against its one reference, whole texts.

    Raises ValueError for an unknown name or unequal numbers, and ReportMetricUnavailable.
    """
    if name not in METRICS:
        raise ValueError(_UNKNOWN.format(name=name))
    if len(texts) != len(references):
        raise ValueError(f"one reference per text expected; found {len(references)} for {len(texts)} texts")
    if not texts:
        return np.zeros(0)
    metric = METRICS[name]
    scores = _scorer(name)(refs=list(references), hyps=list(texts))
    if metric.key not in scores:
        raise ReportMetricUnavailable(f"this version of radeval gives no {metric.key!r}; it gives {sorted(scores)}")
    values = np.asarray(scores[metric.key], dtype=np.float64)
    if values.shape != (len(texts),):
        raise ReportMetricUnavailable(f"radeval should give {len(texts)} scores of {name}; it gave {values.shape}")
    return values


def mean_report_metric(values: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """(D,): the mean of `report_metric` over reports, under weights (D, N); reports without a score (NaN: GREEN gives
    none where it cannot read its model's answer) are left out."""
    values = np.asarray(values, dtype=np.float64)
    defined = ~np.isnan(values)
    return weighted_mean(values[defined], as_weights(weights, len(values))[:, defined])


def _radeval(name: str):
    try:
        from radeval import RadEval
    except ImportError as problem:
        raise ReportMetricUnavailable(f"{name} needs radeval: {INSTALL} ({problem})") from problem
    return RadEval


def _scorer(name: str):
    scorer = _radeval(name)
    try:
        with warnings.catch_warnings():  # radeval silences all warnings of the process
            return scorer(metrics=[METRICS[name].package_name], per_sample=True, show_progress=False)
    except (OSError, RuntimeError, ValueError, ImportError) as problem:
        raise ReportMetricUnavailable(
            f"radeval cannot load {name} (its weights come from the Hugging Face Hub): {problem}"
        ) from problem
