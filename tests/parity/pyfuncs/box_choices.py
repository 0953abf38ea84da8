"""Suppression, the best box, the union box, clipping and thresholds, on made-up boxes of several classes."""

from __future__ import annotations

import torch
from torch import Tensor

from chex.boxes import clip, cxcywh_to_xyxy, xyxy_to_cxcywh
from chex.inference.box_choice import BoxChoice
from tests.parity.cases import Case
from tests.parity.comparison import Compared, NotCompared
from tests.parity.registry import Found, check

ENLARGED = 1.4  # before they were clipped, all sides of the recorded boxes were multiplied by it
THRESHOLD = 0.5


@check("box_postprocessing")
def box_postprocessing(case: Case) -> Found:
    """Rows of boxes are (x_centre, y_centre, width, height, class, score), one list per image."""
    found: dict = {"extra.note": NotCompared("a remark"), "extra.cases": NotCompared("compared one by one below")}
    for i, recorded in enumerate(case.extra["cases"]):
        images = [torch.tensor(rows).view(-1, 6) for rows in recorded["boxes"]]
        iou = recorded["nms_iou"]
        ours = {
            "nms": [_by_score(_chosen(rows, BoxChoice(kept="apart", nms_iou=iou))) for rows in images],
            "top1": [_chosen(rows, BoxChoice(kept="best")) for rows in images],
            "top1_boxfusion": [_chosen(rows, BoxChoice(kept="union")) for rows in images],
            "clip": [_clipped(rows) for rows in images],
            "filter_0_5": [rows[_enough(rows)] for rows in images],
        }
        for name, rows in ours.items():
            found[f"{i}.{name}"] = Compared([kept.tolist() for kept in rows], recorded[name], kind="forward")
        found[f"{i}.filter_dict"] = NotCompared("which class had which threshold is not recorded")
    return found


def _chosen(rows: Tensor, choice: BoxChoice) -> Tensor:
    """The boxes kept of every class, class by class."""
    kept = [rows[:0]]
    for label in rows[:, 4].unique().tolist():
        own = rows[rows[:, 4] == label]
        boxes, scores = choice(cxcywh_to_xyxy(own[:, :4]), own[:, 5])
        columns = torch.full_like(scores, label), scores
        kept.append(torch.cat([xyxy_to_cxcywh(boxes), torch.stack(columns, dim=1)], dim=1))
    return torch.cat(kept)


def _by_score(rows: Tensor) -> Tensor:
    return rows[rows[:, 5].argsort(descending=True, stable=True)]


def _clipped(rows: Tensor) -> Tensor:
    return torch.cat([xyxy_to_cxcywh(clip(cxcywh_to_xyxy(rows[:, :4] * ENLARGED))), rows[:, 4:]], dim=1)


def _enough(rows: Tensor) -> Tensor:
    """Those that a choice of all boxes with at least the threshold keeps, in their own order."""
    _, kept = BoxChoice(kept="all", least_score=THRESHOLD)(cxcywh_to_xyxy(rows[:, :4]), rows[:, 5])
    return torch.isin(rows[:, 5], kept)
