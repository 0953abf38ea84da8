"""Box formats and the costs between boxes."""

from __future__ import annotations

import torch

from chex.boxes import clip, cxcywh_to_xyxy, xyxy_to_cxcywh
from chex.losses.boxes import BoxWeights, box_distance
from tests.parity.cases import Case
from tests.parity.gradients import differentiable, gradients
from tests.parity.registry import check

ONLY = {"l1": BoxWeights(l1=1, giou=0), "giou": BoxWeights(l1=0, giou=1)}
SHIFT = (0.3, -0.3, 0.3, 0.2)  # what the recorded boxes were moved by before they were clipped


@check("bbox_l1_*", "bbox_giou_*")
def cost(case: Case):
    inputs = differentiable(case)
    first, second = inputs["boxes1"], inputs["boxes2"]
    if case.name.endswith("_ccost"):  # every box with every other; otherwise pair by pair
        first, second = first[..., :, None, :], second[..., None, :, :]
    found = box_distance(first, second, ONLY[case.name.split("_")[1]])
    return {"cost": (found, case.outputs["cost"]), **gradients(case, inputs, found)}


@check("bbox_costs_*")
def costs_of_padded_boxes(case: Case):
    first, second = case.inputs["boxes1"][..., :, None, :], case.inputs["boxes2"][..., None, :, :4]
    return {name: (box_distance(first, second, ONLY[name]), recorded) for name, recorded in case.outputs.items()}


@check("box_conversions")
def conversions(case: Case):
    boxes, recorded = case.inputs["boxes"], case.outputs
    return {
        "corners": (cxcywh_to_xyxy(boxes), recorded["corners"]),
        "back": (xyxy_to_cxcywh(recorded["corners"]), recorded["back"]),
        "clipped": (xyxy_to_cxcywh(clip(cxcywh_to_xyxy(boxes + torch.tensor(SHIFT)))), recorded["clipped"]),
    }
