"""Several readers become one: votes, and boxes beside an independent implementation."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest

from pipelines.consensus import fuse_boxes, majority_labels


def test_majority():
    votes = [{"A": 0, "B": 1, "C": 0}, {"A": 1, "B": 1, "C": 0}, {"A": 0, "B": 1, "C": 0}]
    assert majority_labels(votes) == {"A": 0, "B": 1, "C": 0}
    assert majority_labels(votes[:2]) == {"A": 0, "B": 1, "C": 0}, "half of the readers is no majority"
    assert majority_labels(votes[1:2]) == {"A": 1, "B": 1, "C": 0}


def test_majority_refuses_what_it_cannot_count():
    with pytest.raises(ValueError, match="at least one reader"):
        majority_labels([])
    with pytest.raises(ValueError, match="same labels"):
        majority_labels([{"A": 1}, {"B": 1}])


def test_overlapping_boxes_become_their_mean():
    boxes = [(0.1, 0.1, 0.3, 0.3), (0.7, 0.7, 0.9, 0.8), (0.12, 0.1, 0.32, 0.34)]
    fused = fuse_boxes(boxes, ["R1", "R1", "R2"])
    assert [readers for _, readers in fused] == [2, 1]
    assert fused[0][0] == pytest.approx((0.11, 0.1, 0.31, 0.32))
    assert fused[1][0] == (0.7, 0.7, 0.9, 0.8), "a box that overlaps nothing stays as it is"


def test_boxes_of_one_reader_count_once():
    assert [readers for _, readers in fuse_boxes([(0, 0, 0.5, 0.5)] * 3, ["R1", "R1", "R2"])] == [2]


def test_overlap_has_to_exceed_the_threshold():
    # shared 0.02 of 0.38 together: IoU 0.0526
    apart = [(0.0, 0.0, 0.2, 1.0), (0.18, 0.0, 0.38, 1.0)]
    assert len(fuse_boxes(apart, ["R1", "R2"])) == 2
    assert len(fuse_boxes(apart, ["R1", "R2"], iou=0.05)) == 1


def test_edges():
    assert fuse_boxes([], []) == []
    assert fuse_boxes([(0.1, 0.1, 0.1, 0.4)], ["R1"]) == [], "no area"
    assert fuse_boxes([(0.4, 0.3, 0.1, 0.1)], ["R1"]) == [((0.1, 0.1, 0.4, 0.3), 1)], "drawn from bottom right"
    with pytest.raises(ValueError, match="one reader per box"):
        fuse_boxes([(0, 0, 1, 1)], [])
    with pytest.raises(ValueError, match="finite"):
        fuse_boxes([(0, 0, float("nan"), 1)], ["R1"])


def test_fusion_agrees_with_the_published_package():
    table = json.loads((Path(__file__).parents[1] / "data" / "weighted_box_fusion.json").read_text())
    for case in table["cases"]:
        found = fuse_boxes(case["boxes"], [str(reader) for reader in range(len(case["boxes"]))])
        boxes = sorted(box for box, _ in found)
        assert np.shape(boxes) == np.shape(case["fused"])
        assert np.allclose(boxes, case["fused"], atol=2e-6), case["boxes"]
    assert sum(len(case["fused"]) < len(case["boxes"]) for case in table["cases"]) > 20


def test_every_box_is_in_one_fused_box_and_counts_for_its_reader():
    chain = [(0.0, 0.0, 0.4, 1.0), (0.3, 0.0, 0.7, 1.0), (0.6, 0.0, 1.0, 1.0)]
    [(first, two), (last, one)] = fuse_boxes(chain, ["R1", "R2", "R3"])
    assert first == pytest.approx((0.45, 0.0, 0.85, 1.0)) and two == 2, "the last two overlap first"
    assert last == chain[0] and one == 1, "what is left overlaps the mean of the others by less than a tenth"


def test_the_order_of_rows_does_not_matter_where_findings_lie_apart():
    generator = random.Random(3)
    rows = []
    for place in (0.1, 0.4, 0.7):
        for reader in ("R1", "R2", "R3"):
            x, y = place + generator.uniform(-0.02, 0.02), place + generator.uniform(-0.02, 0.02)
            rows.append(((x, y, x + 0.2, y + 0.15), reader))
    expected = fuse_boxes(*zip(*rows, strict=True))
    assert [readers for _, readers in expected] == [3, 3, 3]
    for _ in range(5):
        generator.shuffle(rows)
        found = fuse_boxes(*zip(*rows, strict=True))
        assert np.allclose(sorted(box for box, _ in found), sorted(box for box, _ in expected), atol=1e-12)


def test_the_unit_of_boxes_does_not_matter():
    boxes = np.array([(0.1, 0.1, 0.3, 0.3), (0.12, 0.1, 0.32, 0.34), (0.7, 0.7, 0.9, 0.8)])
    readers = ["R1", "R2", "R1"]
    sides = np.array([2540, 3072, 2540, 3072])
    pixels = [box for box, _ in fuse_boxes((boxes * sides - 500).tolist(), readers)]
    assert np.allclose((np.array(pixels) + 500) / sides, [box for box, _ in fuse_boxes(boxes.tolist(), readers)])
