"""Do generated texts state what their references do? F1 of the labels that a reader finds in both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np

from chex.metrics.clinical import FIVE_LABELS, compare_labels
from chex.metrics.label_agreement import LabelCounts
from jobs.evaluation.figure import Figure
from jobs.evaluation.task import SpreadOf, read_by
from jobs.evaluation.text_pairs import LabelsRead, TextPairs

LABELS = {  # suffix of the figure's name: which labels, whether uncertain counts as present, in words
    "": (None, False, "14 CheXpert labels stated as present"),
    "_5_plus": (FIVE_LABELS, True, "5 CheXpert labels stated as present or uncertain"),
}
SCORES = {
    "micro_f1": (LabelCounts.micro, "micro-F1 over all {of}s and labels"),
    "macro_f1": (LabelCounts.macro, "macro-F1: mean of the labels' F1, 0 for one that is never stated"),
    "example_f1": (LabelCounts.example, "example-F1: mean of the {of}s' F1, 0 for one that states nothing"),
}


def clinical_figures(
    prefix: str,
    pairs: TextPairs,
    read: LabelsRead,
    spread: SpreadOf,
    scores: Sequence[str] = tuple(SCORES),
    labels: Sequence[str] = tuple(LABELS),
) -> dict[str, Figure]:
    """A figure PREFIX_SCORE for each of `scores` and `labels`; the baselines are read by the same reader."""
    said, references = read.of(pairs.said), read.of(pairs.references)
    blind = {name: [read.of(texts) for texts in drawn] for name, drawn in pairs.baselines.items()}
    figures = {}
    for which in labels:
        asked, uncertain, of_labels = LABELS[which]
        counts = partial(compare_labels, reference=references, labels=asked, uncertain_as_positive=uncertain)
        found, of_blind = counts(said), {name: [counts(texts) for texts in drawn] for name, drawn in blind.items()}
        label_spreads = pairs.spreads_of_classes(spread, partial(_per_label, found))
        for kind in scores:
            score, of_score = SCORES[kind]
            baselines = _baselines(score, of_blind)
            classes = {label: line["f1"] for label, line in found.table().items() if line["support"]}
            figures[f"{prefix}_{kind}{which}"] = Figure(
                value=float(score(found)[0]),
                baselines=baselines,
                baseline=max(baselines, key=baselines.get),
                definition=f"{of_score.format(of=pairs.of)}, {of_labels}; {read_by(read.reader)}; "
                "0 to 1, more is better",
                samples=pairs.samples,
                spread=pairs.spread(spread, partial(score, found)),
                classes=classes,
                class_spreads={label: label_spreads[label] for label in classes if label in label_spreads},
            )
    return figures


def _per_label(counts: LabelCounts, weights: np.ndarray) -> dict[str, np.ndarray]:
    """(D,) each: the F1 of every label."""
    return dict(zip(counts.labels, counts.per_label(weights).T, strict=True))


def _baselines(score, blind: Mapping[str, Sequence[LabelCounts]]) -> dict[str, float]:
    return {name: float(np.mean([score(counts)[0] for counts in drawn])) for name, drawn in blind.items()}
