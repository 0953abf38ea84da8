"""What is wrong with given boxes: box explanation and anatomy explanation."""

from __future__ import annotations

import torch
from torch.nn.utils.rnn import pad_sequence

from tests.parity.cases import Case
from tests.parity.comparison import NotCompared
from tests.parity.full_model.detection import box_tokens
from tests.parity.full_model.prompts import both_sides, probabilities
from tests.parity.full_model.recorded_model import encoded
from tests.parity.registry import Found, check

GIVEN = NotCompared("a prompt of the case, which our result is computed from")


@check("box_explanation")
@torch.no_grad()
def box_explanation(case: Case) -> Found:
    """The boxes of all images are padded to the most that one has, and the mask makes them see each other."""
    images = encoded(case)
    boxes = [case.inputs[f"target_cls_boxes_{b}"][:, :4] for b in range(len(images.patches))]
    mask = pad_sequence([torch.ones(len(found), dtype=torch.bool) for found in boxes], batch_first=True)
    tokens = box_tokens(case, images, pad_sequence(boxes, batch_first=True), mask)
    found = probabilities(case, tokens, *both_sides(case, case.kwargs, case.inputs["class_names"]))
    outcome = {}
    for b, probable in enumerate(found):
        outcome[f"region_cls_probs_{b}"] = (probable, case.outputs[f"region_cls_probs_{b}"])
        outcome[f"region_cls_preds_{b}"] = (probable.argmax(dim=-1), case.outputs[f"region_cls_preds_{b}"])
    return outcome


@check("anatomy_explanation")
@torch.no_grad()
def anatomy_explanation(case: Case) -> Found:
    mask = case.inputs["target_anat_present_masks"]
    tokens = box_tokens(case, encoded(case), case.inputs["target_anat_boxes"], mask)
    found = probabilities(case, tokens, *both_sides(case, case.extra, case.inputs["class_names"]))
    return {
        "region_cls_probs": (found, case.outputs["region_cls_probs"]),
        "region_cls_preds": (found > case.kwargs["prompt_threshold"], case.outputs["region_cls_preds"]),
        **{f"extra.{name}": GIVEN for name in case.extra},
    }
