"""Labels of examples: several at once, or exactly one of several."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from chex.metrics.classification import class_aurocs
from chex.metrics.label_agreement import LabelCounts
from tests.parity.cases import Case
from tests.parity.metrics.ranking import label_ranking_precision
from tests.parity.metrics.recorded_figures import as_zero, compared, given, named
from tests.parity.metrics.single_label import class_recalls, confusion, matthews_correlation
from tests.parity.registry import Found, check

CLASS = "auroc_cls/"


@check("multilabel")
def multilabel(case: Case) -> Found:
    parts, recorded = case.extra, case.extra["result"]
    scores, targets = np.array(parts["probs"]), np.array(parts["targets"])
    names = named(recorded, CLASS)
    ours = several_labels(scores, targets, names, parts["preds_threshold"])
    ours |= _aurocs(scores, targets, names)
    return {**given(case, "probs", "targets", "preds_threshold"), **compared("result", ours, recorded)}


@check("multiclass", "multiclass_unnormalised")
def multiclass(case: Case) -> Found:
    parts, recorded = case.extra, case.extra["result"]
    scores, targets = np.array(parts["probs"]), np.array(parts["targets"])
    names = named(recorded, CLASS)
    one_hot = np.eye(len(names), dtype=int)[targets]
    counts = confusion(scores, targets)
    # a class that is never right but sometimes said counts 0 there, one that is neither is left out
    taken = (counts.sum(axis=1) + counts.sum(axis=2) > 0)[0]
    ours = {
        "auroc": class_aurocs(scores, one_hot, names).mean("zero"),
        "acc": as_zero(class_recalls(counts)[0])[taken].mean(),
        "mcc": matthews_correlation(counts),
    }
    return {
        **given(case, "probs", "targets"),
        **compared("result", ours | _aurocs(scores, one_hot, names), recorded),
    }


def several_labels(
    scores: np.ndarray, targets: np.ndarray, names: list[str], threshold: float, weights: np.ndarray | None = None
) -> Mapping[str, np.ndarray]:
    """(D,) by the recorded names; scores and targets (N, C)."""
    counts = LabelCounts(tuple(names), scores > threshold, targets == 1)
    return {
        "auroc": class_aurocs(scores, targets, names, weights).mean("zero"),
        "f1": counts.macro(weights),
        "mcc_macro": counts.correlation(weights),  # in spite of its name over all labels together
        "label_rank_avg_prec": label_ranking_precision(scores, targets, weights),
    }


def _aurocs(scores: np.ndarray, targets: np.ndarray, names: list[str]) -> dict[str, np.ndarray]:
    return {f"{CLASS}{name}": as_zero(value) for name, value in class_aurocs(scores, targets, names).per_class.items()}
