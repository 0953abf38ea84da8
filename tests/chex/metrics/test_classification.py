from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from chex.metrics.classification import auroc, class_aurocs


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.booleans(), st.integers(0, 3)), min_size=2, max_size=25))
def test_it_is_scikit_learns_with_ties_and_weights(rows):
    scores, targets, weights = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    found = auroc(scores, targets, weights)[0]
    if len(set(targets[weights > 0])) < 2:
        assert np.isnan(found)
    else:
        assert found == pytest.approx(roc_auc_score(targets, scores, sample_weight=weights), abs=1e-12)


def test_many_weightings_at_once_are_those_one_by_one():
    generator = np.random.default_rng(0)
    scores, targets, weights = generator.random(40), generator.integers(0, 2, 40), generator.integers(0, 3, (7, 40))
    together = auroc(scores, targets, weights)
    assert together == pytest.approx([auroc(scores, targets, row)[0] for row in weights], abs=1e-12)


def test_macro_and_weighted_means():
    generator = np.random.default_rng(1)
    scores, targets = generator.random((60, 3)), (generator.random((60, 3)) < [0.5, 0.1, 0.3]).astype(int)
    targets = np.hstack([targets, np.zeros((60, 1), dtype=int)])
    scores = np.hstack([scores, generator.random((60, 1))])
    found = class_aurocs(scores, targets, ["a", "b", "c", "never"])
    expected = [roc_auc_score(targets[:, c], scores[:, c]) for c in range(3)]
    assert [found.per_class[name][0] for name in "abc"] == pytest.approx(expected)
    assert np.isnan(found.per_class["never"][0])
    assert found.macro[0] == pytest.approx(np.mean(expected))
    assert found.weighted[0] == pytest.approx(np.average(expected, weights=targets[:, :3].sum(axis=0)))


def test_unknown_targets_are_left_out():
    scores = np.array([[0.1], [0.9], [0.5], [0.7]])
    known = class_aurocs(scores[:2], np.array([[0], [1]]), ["a"])
    more = class_aurocs(scores, np.array([[0], [1], [-1], [-1]]), ["a"])
    assert known.macro == more.macro == 1.0


@pytest.mark.parametrize(
    ("scores", "targets", "message"),
    [
        ([0.1, 0.2], [1], r"\(N,\)"),
        ([0.1, float("nan")], [0, 1], "NaN"),
        ([0.1, 0.2], [1, 2], "0 or 1"),
    ],
)
def test_bad_input_is_refused(scores, targets, message):
    with pytest.raises(ValueError, match=message):
        auroc(np.array(scores), np.array(targets))


def test_columns_and_rows_must_fit():
    with pytest.raises(ValueError, match="one column per class"):
        class_aurocs(np.zeros((3, 2)), np.zeros((3, 2)), ["one"])


def test_nothing_has_no_auroc():
    assert np.isnan(auroc(np.zeros(0), np.zeros(0))).all()
