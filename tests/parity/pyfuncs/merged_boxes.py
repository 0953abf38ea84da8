"""Overlapping boxes become the box around them."""

from __future__ import annotations

import torch

from chex.boxes import merge_overlapping
from tests.parity.cases import Case, parts_of
from tests.parity.comparison import Compared, NotCompared
from tests.parity.registry import Found, check


@check("fuse_bboxes")
def fuse_bboxes(case: Case) -> Found:
    found: dict = {"extra.note": NotCompared("a remark"), "extra.cases": NotCompared("compared one by one below")}
    for i, recorded in enumerate(case.extra["cases"]):
        given, expected = parts_of(recorded, "input", "output")
        boxes = torch.tensor(given, dtype=torch.float64).view(-1, 4)
        found[f"{i}.output"] = Compared(merge_overlapping(boxes, until_apart=False).tolist(), expected)
    return found
