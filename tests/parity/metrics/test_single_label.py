from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, matthews_corrcoef, recall_score

from tests.parity.metrics.single_label import class_recalls, confusion, matthews_correlation

GENERATOR = np.random.default_rng(0)
SCORES, TARGETS = GENERATOR.random((50, 4)), GENERATOR.integers(0, 4, 50)


def test_they_are_scikit_learns():
    counts, said = confusion(SCORES, TARGETS), SCORES.argmax(axis=1)
    assert counts[0] == pytest.approx(confusion_matrix(TARGETS, said))
    assert class_recalls(counts)[0] == pytest.approx(recall_score(TARGETS, said, average=None))
    assert matthews_correlation(counts)[0] == pytest.approx(matthews_corrcoef(TARGETS, said))


def test_a_class_without_examples_is_left_out():
    counts = confusion(SCORES, np.minimum(TARGETS, 2))
    assert np.isnan(class_recalls(counts)[0]).tolist() == [False, False, False, True]


def test_weights_repeat_examples():
    times = np.random.default_rng(1).integers(0, 3, 50)
    weighted, repeated = (
        confusion(SCORES, TARGETS, times),
        confusion(*(np.repeat(x, times, 0) for x in (SCORES, TARGETS))),
    )
    assert weighted == pytest.approx(repeated)


def test_one_class_said_does_not_correlate():
    assert matthews_correlation(confusion(np.tile([1.0, 0.0], (4, 1)), np.array([0, 1, 0, 1])))[0] == 0


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match=r"scores must be \(N, C\)"):
        confusion(np.zeros(3), np.zeros(3))
    with pytest.raises(ValueError, match=r"class numbers below 2; found \[0, 2\]"):
        confusion(np.zeros((2, 2)), np.array([0, 2]))
