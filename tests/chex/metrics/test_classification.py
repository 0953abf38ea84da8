from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from chex.metrics.classification import auroc, class_aurocs
from chex.metrics.regions import within_region_auroc


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


def test_a_score_that_only_knows_the_region_gets_exactly_one_half():
    generator = np.random.default_rng(2)
    regions = np.array(["lung", "heart", "spine"] * 50)
    often = {"lung": 0.6, "heart": 0.3, "spine": 0.1}
    prior = np.array([[often[name]] for name in regions])
    targets = (generator.random((150, 1)) < prior).astype(int)
    overall, pairs = within_region_auroc(prior, targets, regions, ["label"])
    assert overall[0] == 0.5 and set(pairs.values()) == {0.5} and len(pairs) == 3
    assert class_aurocs(prior, targets, ["label"]).macro[0] > 0.6  # pooled over regions it looks like skill


def test_within_regions_is_the_mean_of_scikit_learns_weighted_by_positives():
    generator = np.random.default_rng(4)
    regions = generator.choice(["a", "b"], 80)
    scores, targets = generator.random((80, 2)), generator.integers(0, 2, (80, 2))
    targets[regions == "b", 1] = 0  # no positive: this pair does not count
    overall, pairs = within_region_auroc(scores, targets, regions, ["x", "y"])
    expected, positives = [], []
    for region, column in (("a", 0), ("a", 1), ("b", 0)):
        rows = regions == region
        expected.append(roc_auc_score(targets[rows, column], scores[rows, column]))
        positives.append(targets[rows, column].sum())
    assert list(pairs) == [("a", "x"), ("a", "y"), ("b", "x")]
    assert overall[0] == pytest.approx(np.average(expected, weights=positives))


def test_recorded_region_aurocs(shared):
    """The weighted mean of the authors' evaluation over (region, class) pairs that have both outcomes."""
    for folder in sorted((shared / "parity").iterdir()):
        if not (folder / "metrics.json").is_file():
            continue
        recorded = json.loads((folder / "metrics.json").read_text())["region_multilabel"]
        masks = np.array(recorded["masks"])
        scores, targets = np.array(recorded["probs"])[masks], np.array(recorded["targets"])[masks]
        regions = np.broadcast_to(np.arange(masks.shape[1]).astype(str), masks.shape)[masks]
        overall, _ = within_region_auroc(scores, targets, regions, [str(c) for c in range(targets.shape[1])])
        assert overall[0] == pytest.approx(recorded["result"]["loc_auroc/weighted"], abs=1e-5)


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
    with pytest.raises(ValueError, match="one region name per row"):
        within_region_auroc(np.zeros((3, 1)), np.zeros((3, 1)), np.array(["a"]), ["x"])


def test_nothing_has_no_auroc():
    assert np.isnan(auroc(np.zeros(0), np.zeros(0))).all()
    overall, pairs = within_region_auroc(np.zeros((0, 1)), np.zeros((0, 1)), np.array([], dtype=str), ["x"])
    assert np.isnan(overall).all() and pairs == {}
