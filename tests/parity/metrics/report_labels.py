"""Clinical efficacy: precision, recall and F1 of labels that were read from reports."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chex.metrics.clinical import FIVE_LABELS, compare_labels
from chex.metrics.label_agreement import LabelCounts
from tests.parity.cases import Case
from tests.parity.metrics.recorded_figures import compared, given
from tests.parity.registry import Found, check

VALUES = {1: 1, 2: 0, 3: -1}  # their codes: present, absent, uncertain; 0 is not mentioned
SCORES = {"prec": "precision", "rec": "recall", "f1": "f1"}


@check("ce")
def ce(case: Case) -> Found:
    parts = case.extra
    names = tuple(parts["conditions"])
    predicted, reference = (_labels(parts[side], names) for side in ("pred_labels", "target_labels"))
    fourteen = compare_labels(predicted, reference, names)
    five = compare_labels(predicted, reference, FIVE_LABELS, uncertain_as_positive=True)
    ours: dict = {}
    for number, counts in ((5, five), (14, fourteen)):
        for short, score in SCORES.items():
            ours[f"micro_{short}_{number}"] = counts.micro(score=score)
            ours[f"macro_{short}_{number}"] = counts.macro(score=score)
    ours |= {f"cls_f1/{name}": row["f1"] for name, row in fourteen.table().items()}
    together = _of_samples(fourteen, parts["sample_ids"])
    ours |= {f"ex_{short}_{len(names)}": together.example(score=score) for short, score in SCORES.items()}
    return {
        **given(case, "conditions", "pred_labels", "target_labels", "sample_ids"),
        **compared("result", ours, parts["result"]),
    }


def _labels(rows: Sequence[Sequence[int]], names: Sequence[str]) -> list[dict[str, int]]:
    unknown = {code for row in rows for code in row} - {0, *VALUES}
    if unknown:
        raise ValueError(f"codes of labels are 0, 1, 2 and 3; found {sorted(unknown)}")
    return [{name: VALUES[code] for name, code in zip(names, row, strict=True) if code} for row in rows]


def _of_samples(counts: LabelCounts, samples: Sequence[int]) -> LabelCounts:
    """The texts of a sample side by side as one example; those that others have more are stated by nobody."""
    samples = np.array(samples)
    most = np.unique(samples, return_counts=True)[1].max()

    def beside(rows: np.ndarray) -> np.ndarray:
        own = [rows[samples == sample].ravel() for sample in np.unique(samples)]
        return np.stack([np.pad(row, (0, most * rows.shape[1] - len(row))) for row in own])

    return LabelCounts(counts.labels * int(most), beside(counts.predicted), beside(counts.true))
