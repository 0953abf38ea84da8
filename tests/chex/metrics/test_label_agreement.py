from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import matthews_corrcoef, precision_recall_fscore_support

from chex.metrics.label_agreement import LabelCounts

LABELS = ("a", "b", "never")


def random_counts(seed: int, examples: int = 30) -> LabelCounts:
    generator = np.random.default_rng(seed)
    predicted, true = generator.random((2, examples, 3)) < 0.4
    predicted[:, 2] = true[:, 2] = False
    return LabelCounts(LABELS, predicted, true)


@pytest.mark.parametrize("seed", range(3))
def test_they_are_scikit_learns(seed):
    counts = random_counts(seed)
    for way, average in (("micro", "micro"), ("macro", "macro"), ("example", "samples"), ("per_label", None)):
        expected = precision_recall_fscore_support(counts.true, counts.predicted, average=average, zero_division=0)
        for score, value in zip(("precision", "recall", "f1"), expected[:3], strict=True):
            assert getattr(counts, way)(score=score)[0] == pytest.approx(value)
    assert counts.correlation()[0] == pytest.approx(matthews_corrcoef(counts.true.ravel(), counts.predicted.ravel()))


def test_weights_repeat_examples():
    counts, times = random_counts(3), np.random.default_rng(0).integers(0, 4, 30)
    repeated = LabelCounts(LABELS, *(np.repeat(side, times, axis=0) for side in (counts.predicted, counts.true)))
    for way in ("micro", "macro", "example", "correlation"):
        assert getattr(counts, way)(np.stack([times, times])) == pytest.approx([getattr(repeated, way)()[0]] * 2)
    assert counts.positives(times)[0] == pytest.approx(repeated.true.sum(axis=0))


def test_the_table_counts():
    counts = LabelCounts(("a",), np.array([[True], [True], [False]]), np.array([[True], [False], [True]]))
    assert counts.table() == {"a": {"precision": 0.5, "recall": 0.5, "f1": 0.5, "support": 2, "predicted": 2}}


def test_answers_that_never_vary_do_not_correlate():
    assert LabelCounts(("a",), np.array([[True], [True]]), np.array([[True], [False]])).correlation()[0] == 0


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match=r"\(N, 2\), one column per label; found \(4, 1\)"):
        LabelCounts(("a", "b"), np.zeros((4, 1), dtype=bool), np.zeros((4, 1), dtype=bool))
    with pytest.raises(ValueError, match="f1, precision, recall; found 'F1'"):
        random_counts(0).micro(score="F1")
