from __future__ import annotations

import json
from collections import defaultdict

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


def golden(shared, name):
    cases = [json.loads(path.read_text())[name] for path in sorted((shared / "parity").glob("*/pyfuncs.json"))]
    assert cases
    return cases


def test_fusion_agrees_with_recorded_numbers(shared):
    for case in golden(shared, "vindr_fuse_boxes"):
        drawn = defaultdict(list)
        for row in case["input"]:
            if row["x_min"] is not None:
                box = tuple(row[edge] for edge in ("x_min", "y_min", "x_max", "y_max"))
                drawn[row["image_id"], row["class_name"]].append((box, row["rad_id"]))
        compared = 0
        for image, recorded in case["fused"].items():
            for name in {row[4] for row in recorded}:
                entries = drawn[image, name.removeprefix("vindrcxr/")]
                found = [box for box, _ in fuse_boxes([box for box, _ in entries], [who for _, who in entries])]
                expected = [row[:4] for row in recorded if row[4] == name]
                assert np.allclose(sorted(found), sorted(expected), atol=0.02), (image, name)
                compared += len(expected)
        assert compared > 20


def test_majority_agrees_with_recorded_numbers(shared):
    for case in golden(shared, "vindr_majority_vote"):
        votes = defaultdict(list)
        for row in case["input"]:
            votes[row["image_id"]].append({key: value for key, value in row.items() if not key.endswith("_id")})
        assert {image: majority_labels(readers) for image, readers in votes.items()} == case["output"]
