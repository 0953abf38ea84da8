"""One box per region: IoU of every pair, and of all of a region, an image, or the set together."""

from __future__ import annotations

import torch

from chex.boxes import clip, cxcywh_to_xyxy
from chex.metrics.detection import paired_iou
from chex.metrics.overlap import region_overlaps
from tests.parity.cases import Case
from tests.parity.comparison import Compared
from tests.parity.metrics.recorded_figures import as_zero, compared, given, named
from tests.parity.registry import Found, check

_REGION = "IoU/classes/"


@check("box_iou_metric")
def box_iou_metric(case: Case) -> Found:
    parts, recorded = case.extra, case.extra["result"]
    boxes, targets = (clip(cxcywh_to_xyxy(torch.tensor(parts[side]))).double().numpy() for side in ("pred", "target"))
    present = torch.tensor(parts["mask"]).numpy()
    overlaps = region_overlaps(boxes, targets, present, absent_boxes="count")
    per_region = as_zero(overlaps.per_region()[0])
    ours = {"IoU/sample_micro": overlaps.per_image(), "IoU/macro": per_region.mean()}
    ours |= {f"{_REGION}{name}": value for name, value in zip(named(recorded, _REGION), per_region, strict=True)}
    pairs = paired_iou(boxes.reshape(-1, 4), targets.reshape(-1, 4)).reshape(present.shape) * present
    return {
        **given(case, "pred", "target", "mask"),
        **compared("result", ours, recorded),
        "extra.pairwise_iou": Compared(pairs.tolist(), parts["pairwise_iou"], note="of regions that are there"),
    }
