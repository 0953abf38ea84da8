from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from chex.metrics.classification import auroc, average_precision, class_aurocs, rank_classes


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.booleans(), st.integers(0, 3)), min_size=2, max_size=25))
def test_it_is_scikit_learns_with_ties_and_weights(rows):
    scores, targets, weights = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    precision = average_precision(scores, targets, weights)[0]
    if (targets * weights).any():
        assert precision == pytest.approx(average_precision_score(targets, scores, sample_weight=weights), abs=1e-12)
    else:
        assert np.isnan(precision)
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


def test_several_rows_of_a_sample_share_its_weight():
    """Scores that are ranked once and weighed by sample, against rows that are weighed one by one."""
    generator = np.random.default_rng(3)
    sample, weights = generator.integers(0, 12, 50), generator.integers(0, 3, (5, 12))
    scores, targets = generator.integers(0, 9, (50, 2)), generator.integers(-1, 2, (50, 2))
    ranked = rank_classes(scores, targets, ["a", "b"], sample, 12).aurocs(weights)
    by_row = class_aurocs(scores, targets, ["a", "b"], weights[:, sample])
    for name in "ab":
        assert ranked.per_class[name] == pytest.approx(by_row.per_class[name], abs=1e-12)
        assert ranked.positives[name] == pytest.approx(by_row.positives[name])
        known = targets[:, "ab".index(name)] >= 0
        column = scores[known, "ab".index(name)], targets[known, "ab".index(name)], weights[:, sample[known]]
        one_by_one = [roc_auc_score(column[1], column[0], sample_weight=row) for row in column[2]]
        assert by_row.per_class[name] == pytest.approx(one_by_one, abs=1e-12)
    with pytest.raises(ValueError, match="a sample below 4 per row"):
        rank_classes(scores, targets, ["a", "b"], sample, 4)


def test_average_precision_of_classes_and_what_it_is_without_skill():
    generator = np.random.default_rng(4)
    scores, targets = generator.integers(0, 9, (50, 3)), generator.integers(-1, 2, (50, 3))
    targets[:, 2] = np.maximum(targets[:, 2], 0) * 2 - 1  # 1 or unknown: no negative
    weights = generator.integers(0, 3, (4, 50))
    ranked = rank_classes(scores, targets, ["a", "b", "no negative"])
    found, shares = ranked.average_precisions(weights), ranked.shares(weights)
    assert np.isnan(found.per_class["no negative"]).all() and np.isnan(shares.per_class["no negative"]).all()
    for name in "ab":
        known = targets[:, "ab".index(name)] >= 0
        column = scores[known, "ab".index(name)], targets[known, "ab".index(name)], weights[:, known]
        expected = [average_precision_score(column[1], column[0], sample_weight=row) for row in column[2]]
        assert found.per_class[name] == pytest.approx(expected, abs=1e-12)
        same = [average_precision_score(column[1], np.zeros(known.sum()), sample_weight=row) for row in column[2]]
        assert shares.per_class[name] == pytest.approx(same, abs=1e-12)
    assert found.macro == pytest.approx((found.per_class["a"] + found.per_class["b"]) / 2)


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
