from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from chex.metrics.classification import class_aurocs
from chex.metrics.regions import rank_regions, region_aurocs, within_region_auroc


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


def random_rows(seed: int, count: int = 60) -> tuple[np.ndarray, ...]:
    generator = np.random.default_rng(seed)
    shape = (count, 2)
    return generator.random(shape), generator.integers(0, 2, shape), generator.choice(["a", "b", "c"], count)


def test_means_over_labels_and_regions():
    scores, targets, regions = random_rows(7)
    found = region_aurocs(scores, targets, regions, ["x", "y"])
    values = np.array(
        [[roc_auc_score(targets[regions == r, c], scores[regions == r, c]) for c in (0, 1)] for r in "abc"]
    )
    counts = np.array([targets[regions == r].sum(axis=0) for r in "abc"])
    assert found.values[0] == pytest.approx(values) and found.positives[0] == pytest.approx(counts)
    by_label = (values * counts).sum(axis=0) / counts.sum(axis=0)
    assert found.per_label[0] == pytest.approx(by_label) and found.macro()[0] == pytest.approx(by_label.mean())
    assert found.per_region[0] == pytest.approx((values * counts).sum(axis=1) / counts.sum(axis=1))


def test_a_label_without_positives_is_left_out_or_zero():
    scores, targets, regions = random_rows(9)
    targets[:, 1] = 0
    found = region_aurocs(scores, targets, regions, ["x", "y"])
    assert np.isnan(found.per_label[0, 1]) and found.macro()[0] == pytest.approx(found.per_label[0, 0])
    assert found.macro("zero")[0] == pytest.approx(found.per_label[0, 0] / 2)
    with pytest.raises(ValueError, match="one of exclude, zero"):
        found.macro("ignore")


def test_weights_repeat_rows():
    scores, targets, regions = random_rows(10)
    times = np.random.default_rng(1).integers(0, 3, len(scores))
    repeated = [np.repeat(side, times, axis=0) for side in (scores, targets, regions)]
    weighted = region_aurocs(scores, targets, regions, ["x", "y"], np.stack([times, 2 * times]))
    assert weighted.macro() == pytest.approx([region_aurocs(*repeated, ["x", "y"]).macro()[0]] * 2)


def test_regions_of_a_sample_share_its_weight():
    scores, targets, regions = random_rows(12)
    sample, weights = np.random.default_rng(2).integers(0, 20, 60), np.random.default_rng(5).integers(0, 3, (4, 20))
    ranked = rank_regions(scores, targets, regions, ["x", "y"], sample, 20).aurocs(weights)
    by_row = region_aurocs(scores, targets, regions, ["x", "y"], weights[:, sample])
    assert ranked.values == pytest.approx(by_row.values, nan_ok=True)
    assert ranked.overall == pytest.approx(by_row.overall) and ranked.regions == by_row.regions


def test_one_region_name_per_row():
    with pytest.raises(ValueError, match="one region name per row"):
        within_region_auroc(np.zeros((3, 1)), np.zeros((3, 1)), np.array(["a"]), ["x"])


def test_no_rows_have_no_figure():
    overall, pairs = within_region_auroc(np.zeros((0, 1)), np.zeros((0, 1)), np.array([], dtype=str), ["x"])
    assert np.isnan(overall).all() and pairs == {}
