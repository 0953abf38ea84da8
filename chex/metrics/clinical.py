"""Clinical efficacy: do two reports state the same of the 14 CheXpert labels?

Follows the definitions of the paper's table 2: F1-14 counts only what is stated as present; F1-5+ is over five frequent
pathologies and counts what is uncertain as present too. Labels are CheXpert's (Irvin et al. 2019); who read them from
the reports, CheXbert or the rule-based reader, belongs beside every figure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from chex import vocabulary
from chex.metrics.label_agreement import LabelCounts

FIVE_LABELS = ("Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Pleural Effusion")


def chexpert_labels() -> tuple[str, ...]:
    """The 14 labels' names, in the vocabulary's order."""
    return tuple(label.split("/", 1)[1] for label in vocabulary.load().labels_of("chexpert"))


def compare_labels(
    predicted: Sequence[Mapping[str, int]],
    reference: Sequence[Mapping[str, int]],
    labels: Sequence[str] | None = None,
    uncertain_as_positive: bool = False,
) -> LabelCounts:
    """Compare what N predicted and N reference reports state; per report label → 1, 0, −1 (uncertain), or absent."""
    if len(predicted) != len(reference):
        raise ValueError(f"one prediction per reference expected; found {len(predicted)} for {len(reference)}")
    labels = chexpert_labels() if labels is None else tuple(labels)
    said = label_matrix(predicted, labels, uncertain_as_positive)
    true = label_matrix(reference, labels, uncertain_as_positive)
    return LabelCounts(labels, said, true)


def label_matrix(
    reports: Sequence[Mapping[str, int]], labels: Sequence[str] | None = None, uncertain_as_positive: bool = False
) -> np.ndarray:
    """(N, L) bool: which labels (by default all 14) count as present."""
    labels = chexpert_labels() if labels is None else labels
    present = (1, -1) if uncertain_as_positive else (1,)
    for report in reports:
        wrong = {label: value for label, value in report.items() if value not in (1, 0, -1)}
        if wrong:
            raise ValueError(f"a label's value is 1 (present), 0 (absent) or -1 (uncertain); found {wrong}")
    rows = [[report.get(label) in present for label in labels] for report in reports]
    return np.asarray(rows, dtype=bool).reshape(len(rows), len(labels))
