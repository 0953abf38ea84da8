"""Boxes of sentences: average precision over sentences, and how much of the right area they cover."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chex.metrics.overlap import Overlaps, covered_areas
from chex.records import Box, ScoredBox
from tests.parity.cases import Case
from tests.parity.metrics.box_rows import Rows, corners, scored
from tests.parity.metrics.detection import AT, average_precisions
from tests.parity.metrics.recorded_figures import compared, given, named
from tests.parity.registry import Found, check

SIDE = 1024  # of the masks on which the authors count pixels


@check("sentence_detection")
def sentence_detection(case: Case) -> Found:
    parts = case.extra
    said, true = ([sentence for image in parts[side] for sentence in image] for side in ("pred", "target"))
    predictions = [{"sentence": scored(rows)} for rows in said]
    targets = [{"sentence": corners(rows)} for rows in true]
    precisions = average_precisions(
        predictions, targets, ["sentence"], parts["map_iou_thresholds"], named(parts["result"], AT)
    )
    by_score = [float(_covered(said, true, least).micro()[0]) for least in parts["mIoU_thresholds"]]
    ours = {name: value for name, value in precisions.items() if "/classes/" not in name} | {
        "IoU": _covered(said, true, parts["obj_threshold"]).micro(),
        "mIoU": np.mean(by_score),
        "bIoU": max(by_score),
    }
    names = ("pred", "target", "obj_threshold", "map_iou_thresholds", "mIoU_thresholds")
    return {**given(case, *names), **compared("result", ours, parts["result"])}


def _covered(said: Sequence[Rows], true: Sequence[Rows], least_score: float) -> Overlaps:
    predictions = [[ScoredBox(_on_pixels(found.box), found.score) for found in scored(rows)] for rows in said]
    return covered_areas(predictions, [[_on_pixels(box) for box in corners(rows)] for rows in true], least_score)


def _on_pixels(box: Box) -> Box:
    """The pixels that the authors fill: corners without their fraction, negative ones counted from the other end."""
    sides = [slice(int(low * SIDE), int(high * SIDE)).indices(SIDE)[:2] for low, high in (box[0::2], box[1::2])]
    (x_min, x_max), (y_min, y_max) = ((low, max(low, high)) for low, high in sides)
    return (x_min, y_min, x_max, y_max)
