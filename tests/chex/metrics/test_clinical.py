from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.metrics import f1_score

from chex.metrics.clinical import FIVE_LABELS, chexpert_labels, compare_labels, label_matrix

LABELS = ("a", "b", "c")


def random_reports(seed: int, count: int, labels=LABELS) -> list[dict[str, int]]:
    generator = np.random.default_rng(seed)
    drawn = generator.choice([1, 0, -1, 9], p=[0.4, 0.2, 0.15, 0.25], size=(count, len(labels)))
    return [{label: int(v) for label, v in zip(labels, row, strict=True) if v != 9} for row in drawn]


@pytest.mark.parametrize("uncertain", [False, True])
def test_f1_is_scikit_learns(uncertain):
    predicted, reference = random_reports(1, 40), random_reports(2, 40)
    found = compare_labels(predicted, reference, LABELS, uncertain_as_positive=uncertain)
    true, said = (label_matrix(side, LABELS, uncertain) for side in (reference, predicted))
    assert found.micro()[0] == pytest.approx(f1_score(true, said, average="micro", zero_division=0))
    assert found.macro()[0] == pytest.approx(f1_score(true, said, average="macro", zero_division=0))
    assert found.example()[0] == pytest.approx(f1_score(true, said, average="samples", zero_division=0))
    per_label = f1_score(true, said, average=None, zero_division=0)
    assert [found.table()[label]["f1"] for label in LABELS] == pytest.approx(list(per_label))


def test_recorded_clinical_scores(shared):
    """The authors' evaluation on given labels (their codes: 0 unmentioned, 1 present, 2 absent, 3 uncertain)."""
    values = {1: 1, 2: 0, 3: -1}
    for folder in sorted((shared / "parity").iterdir()):
        if not (folder / "metrics.json").is_file():
            continue
        recorded = json.loads((folder / "metrics.json").read_text())["ce"]
        predicted, reference = (
            [
                {name: values[code] for name, code in zip(recorded["conditions"], row, strict=True) if code in values}
                for row in recorded[side]
            ]
            for side in ("pred_labels", "target_labels")
        )
        fourteen, expected = compare_labels(predicted, reference), recorded["result"]
        five = compare_labels(predicted, reference, FIVE_LABELS, uncertain_as_positive=True)
        assert fourteen.micro()[0] == pytest.approx(expected["micro_f1_14"])
        assert fourteen.macro()[0] == pytest.approx(expected["macro_f1_14"])
        assert five.micro()[0] == pytest.approx(expected["micro_f1_5"])
        assert five.macro()[0] == pytest.approx(expected["macro_f1_5"])


def test_weights_repeat_reports():
    predicted, reference = random_reports(1, 6), random_reports(2, 6)
    times = np.array([0, 3, 1, 1, 2, 0])
    repeated = [
        [report for report, n in zip(side, times, strict=True) for _ in range(n)] for side in (predicted, reference)
    ]
    weighted, unrolled = compare_labels(predicted, reference, LABELS), compare_labels(*repeated, LABELS)
    for score in ("micro", "macro", "example"):
        assert getattr(weighted, score)(times)[0] == pytest.approx(getattr(unrolled, score)()[0])


def test_the_labels_are_the_fourteen():
    assert len(chexpert_labels()) == 14 and set(FIVE_LABELS) < set(chexpert_labels())


def test_no_reports_score_zero():
    counts = compare_labels([], [])
    assert counts.micro()[0] == counts.macro()[0] == counts.example()[0] == 0


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="one prediction per reference"):
        compare_labels([{}], [])
    with pytest.raises(ValueError, match="'Edema': 3"):
        label_matrix([{"Edema": 3}])
