"""Clinical efficacy: do two reports state the same of the 14 CheXpert labels?

Follows the definitions of the paper's table 2: F1-14 counts only what is stated as present; F1-5+ is over five frequent
pathologies and counts what is uncertain as present too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from chex import vocabulary
from chex.metrics.bootstrap import as_weights

FIVE_LABELS = ("Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Pleural Effusion")


def chexpert_labels() -> tuple[str, ...]:
    """The 14 labels' names, in the vocabulary's order."""
    return tuple(label.split("/", 1)[1] for label in vocabulary.load().labels_of("chexpert"))


@dataclass(frozen=True, slots=True)
class LabelCounts:
    """Per report and label: predicted and true (tp), predicted only (fp), true only (fn); each (N, L) bool."""

    labels: tuple[str, ...]
    true_positive: np.ndarray
    false_positive: np.ndarray
    false_negative: np.ndarray

    def micro(self, weights: np.ndarray | None = None) -> np.ndarray:
        """(D,): F1 over all (report, label) pairs together."""
        return _f1(*(counted.sum(axis=1) for counted in self._counted(weights)))

    def macro(self, weights: np.ndarray | None = None) -> np.ndarray:
        """(D,): the mean of the labels' F1; a label that is never true and never predicted counts 0."""
        return self.per_label(weights).mean(axis=1)

    def per_label(self, weights: np.ndarray | None = None) -> np.ndarray:
        """(D, L)."""
        return _f1(*self._counted(weights))

    def example(self, weights: np.ndarray | None = None) -> np.ndarray:
        """(D,): the mean of the reports' F1; a report with nothing true and nothing predicted counts 0."""
        per_report = _f1(*(part.sum(axis=1) for part in self._parts()))
        weights = as_weights(weights, len(per_report))
        total = weights.sum(axis=1)
        return np.divide(weights @ per_report, total, out=np.zeros(len(weights)), where=total > 0)

    def table(self) -> dict[str, dict[str, float]]:
        """Per label: precision, recall, f1, and how many reports state it (`support`) or are said to (`predicted`)."""
        true, false, missed = (part.sum(axis=0) for part in self._parts())
        f1 = _f1(true, false, missed)
        return {
            label: {
                "precision": float(true[i] / max(true[i] + false[i], 1)),
                "recall": float(true[i] / max(true[i] + missed[i], 1)),
                "f1": float(f1[i]),
                "support": int(true[i] + missed[i]),
                "predicted": int(true[i] + false[i]),
            }
            for i, label in enumerate(self.labels)
        }

    def _parts(self) -> tuple[np.ndarray, ...]:
        return self.true_positive, self.false_positive, self.false_negative

    def _counted(self, weights: np.ndarray | None) -> tuple[np.ndarray, ...]:
        weights = as_weights(weights, len(self.true_positive))
        return tuple(weights @ part for part in self._parts())


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
    return LabelCounts(labels, said & true, said & ~true, ~said & true)


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


def clinical_scores(predicted: Sequence[Mapping[str, int]], reference: Sequence[Mapping[str, int]]) -> dict[str, float]:
    """The paper's five clinical scores: micro, macro and example F1-14, micro and macro F1-5+."""
    fourteen = compare_labels(predicted, reference)
    five = compare_labels(predicted, reference, FIVE_LABELS, uncertain_as_positive=True)
    return {
        "micro_f1_14": float(fourteen.micro()[0]),
        "macro_f1_14": float(fourteen.macro()[0]),
        "example_f1_14": float(fourteen.example()[0]),
        "micro_f1_5_plus": float(five.micro()[0]),
        "macro_f1_5_plus": float(five.macro()[0]),
    }


def _f1(true: np.ndarray, false: np.ndarray, missed: np.ndarray) -> np.ndarray:
    whole = np.asarray(2 * true + false + missed, dtype=np.float64)
    return np.divide(2 * true, whole, out=np.zeros_like(whole), where=whole > 0)
