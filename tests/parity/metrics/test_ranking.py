from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import label_ranking_average_precision_score

from tests.parity.metrics.ranking import label_ranking_precision

ROW = st.lists(st.tuples(st.integers(0, 3), st.booleans()), min_size=4, max_size=4)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(ROW, st.integers(1, 3)), min_size=1, max_size=8))
def test_it_is_scikit_learns_with_ties_and_weights(examples):
    scores, targets = np.moveaxis(np.array([row for row, _ in examples], dtype=float), 2, 0)
    weights = np.array([weight for _, weight in examples], dtype=float)
    expected = label_ranking_average_precision_score(targets, scores, sample_weight=weights)
    assert label_ranking_precision(scores, targets, weights)[0] == pytest.approx(expected)


def test_shapes_must_fit():
    with pytest.raises(ValueError, match=r"both be \(N, L\)"):
        label_ranking_precision(np.zeros((2, 3)), np.zeros((3, 2)))
