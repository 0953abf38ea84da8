"""Pathology detection and sentence grounding: which boxes come out, with which scores."""

from __future__ import annotations

import torch
from torch import Tensor

from chex.boxes import clip, cxcywh_to_xyxy, xyxy_to_cxcywh
from chex.inference.box_choice import BoxChoice, Kept, Score
from tests.parity.cases import Case
from tests.parity.comparison import NotCompared
from tests.parity.full_model.detection import detected
from tests.parity.full_model.prompts import both_sides, probabilities, prompt_means
from tests.parity.full_model.recorded_model import encoded, model_of, padded_texts
from tests.parity.registry import Found, check

KEPT: dict[str | None, Kept] = {"nms": "apart", "top1": "best", "top1_boxfusion": "union", None: "all"}
SCORE: dict[tuple[bool, bool], Score] = {(True, True): "box_and_class", (False, True): "box", (True, False): "class"}
GIVEN = NotCompared("a prompt of the case, which our result is computed from")


@check("pathology_detection_*")
@torch.no_grad()
def pathology_detection(case: Case) -> Found:
    """The authors ask with a mask, leave the post decoder out and classify each box by its own feature."""
    k, names = case.kwargs, case.inputs["class_names"]
    prompts = prompt_means(case, case.extra["box_prompts"], names)
    found, _ = detected(case, encoded(case), prompts, torch.ones(len(names), dtype=torch.bool))
    positive, negative = both_sides(case, case.extra, names)
    every = probabilities(case, found.box_features, positive, negative)  # B C M C
    own = every.diagonal(dim1=1, dim2=3).transpose(1, 2)  # B C M
    choice = BoxChoice(
        kept=KEPT[k["postprocess"]], score=SCORE[k["classify_by_prompts"], k["classify_by_weights"]],
        nms_iou=k["nms_threshold"], least_score=k["obj_threshold"],
    )  # fmt: skip
    scores = choice.scores(found.scores, own)
    boxes = _in_the_image(case, found.boxes_cxcywh)
    outcome: dict = {f"extra.{name}": GIVEN for name in case.extra}
    for b in range(len(boxes)):
        rows = [_rows(*choice(boxes[b, c], scores[b, c]), c) for c in range(len(names))]
        recorded = case.outputs[f"pred_boxes_{b}"]
        outcome[f"pred_boxes_{b}"] = (_by_class_and_score(torch.cat(rows)), _by_class_and_score(recorded))
    return outcome


@check("sentence_grounding")
@torch.no_grad()
def sentence_grounding(case: Case) -> Found:
    prompts, mask = padded_texts(model_of(case.folder), case.inputs["sentences"])
    found, _ = detected(case, encoded(case), prompts, mask)
    boxes = _in_the_image(case, found.boxes_cxcywh)
    choice = BoxChoice(score="box", nms_iou=case.kwargs["nms_threshold"], least_score=case.kwargs["obj_threshold"])
    outcome = {}
    for b, s in mask.nonzero().tolist():
        name = f"pred_boxes_{b}_{s}"
        outcome[name] = (_rows(*choice(boxes[b, s], found.scores[b, s])), case.outputs[name])
    return outcome


def _in_the_image(case: Case, boxes_cxcywh: Tensor) -> Tensor:
    boxes_xyxy = cxcywh_to_xyxy(boxes_cxcywh)
    return clip(boxes_xyxy) if case.kwargs["clip_boxes"] else boxes_xyxy


def _rows(boxes_xyxy: Tensor, scores: Tensor, *classes: int) -> Tensor:
    """(k, 5), or (k, 6) with the class before the score."""
    columns = [torch.full((len(scores), 1), float(c)) for c in classes]
    return torch.cat([xyxy_to_cxcywh(boxes_xyxy), *columns, scores[:, None]], dim=1)


def _by_class_and_score(rows: Tensor) -> Tensor:
    """The authors order boxes by score or by class, depending on what they keep; ours are chosen class by class."""
    rows = rows[rows[:, 5].argsort(descending=True, stable=True)]
    return rows[rows[:, 4].argsort(stable=True)]
