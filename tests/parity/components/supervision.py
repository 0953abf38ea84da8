"""The losses of a training step, in the averages that the authors take."""

from __future__ import annotations

import torch
from torch import Tensor

from chex.inference.classification import finding_probabilities
from chex.losses.averaging import mean_of_groups
from chex.losses.boxes import (
    BoxWeights,
    anatomy_box_loss,
    box_distance,
    matching_costs,
    pathology_box_loss,
    score_loss_per_prompt,
)
from chex.losses.classification import pathology_class_loss, region_class_loss
from chex.losses.matching import MatchingRule, match
from chex.losses.multitask import weighted_sum
from tests.parity.cases import Case
from tests.parity.comparison import Compared
from tests.parity.components.matching import recorded_rule
from tests.parity.components.ties import closest_choice
from tests.parity.gradients import differentiable, gradients
from tests.parity.registry import check


@check("patho_detect_*")
def pathology_boxes(case: Case):
    inputs = differentiable(case)
    boxed, costs, shares = inputs["has_class_bboxes"].bool(), case.kwargs["cost_coeff"], case.kwargs["loss_coeff"]
    if (costs["bbox"], costs["giou"]) != (shares["bbox"], shares["giou"]):
        raise ValueError("expected the distance of boxes to weigh the same in the costs and in the loss, as in ours")
    weights = BoxWeights(l1=costs["bbox"], giou=costs["giou"], probability=costs["cls"], score=costs["weights"])
    rule = recorded_rule(case.kwargs["non_matched_region_mode"], case.kwargs.get("greedy_match_multiregion", False))
    boxes, scores = inputs["multiboxes"].flatten(0, 1), inputs["multiboxes_weights"].flatten(0, 1)
    probabilities = _own_probabilities(inputs).flatten(0, 1)
    targets = inputs["target_cls_boxes_padded"][..., :4].flatten(0, 1)
    present = inputs["target_cls_boxes_mask"].bool().flatten(0, 1)
    images, known = torch.arange(len(boxed)).repeat_interleave(boxed.shape[1]), boxed.flatten()
    box_loss, score_loss = pathology_box_loss(
        boxes, scores, probabilities, targets, present, weights, rule=rule, images=images, boxed=known
    )
    recorded, note = case.outputs["l_cls.weights_loss"], ""
    if not torch.isclose(score_loss, recorded, rtol=0, atol=1e-5):
        distance = box_distance(boxes[:, :, None], targets[:, None], weights)
        pairs, _ = match(matching_costs(distance, scores, probabilities, weights), present, rule)

        def loss_of(chosen: Tensor) -> Tensor:
            return mean_of_groups(score_loss_per_prompt(scores, pairs[chosen])[known], images[known])

        score_loss, note = loss_of(closest_choice(pairs, loss_of, recorded)), "with another of equally good matches"
    total = box_loss + shares["weights"] * score_loss
    parts = {"l_cls.box_loss": box_loss, "l_cls.weights_loss": score_loss, "l_cls.patho_detect": total}
    found = _compared(case, inputs, parts, total, case.kwargs["coeff_patho_detect"])
    return {**found, "l_cls.weights_loss": Compared(score_loss, recorded, note=note)}


def _own_probabilities(inputs: dict[str, Tensor]) -> Tensor:
    """Of each box (B, C, M) the probability of its prompt's finding, from dot products, not cosines (note 10)."""
    every = finding_probabilities(
        inputs["multiboxes_features"], inputs["pos_prompt_emb"], inputs["neg_prompt_emb"], temperature=1.0, cosine=False
    )  # B C M C
    return torch.diagonal(every, dim1=1, dim2=3).transpose(1, 2).detach()


@check("patho_cls")
def pathology_classes(case: Case):
    inputs = differentiable(case)
    tokens, known = inputs["box_features"], inputs["has_class_labels"].bool()
    images, findings = torch.meshgrid(torch.arange(len(known)), torch.arange(known.shape[1]), indexing="ij")
    loss = pathology_class_loss(
        tokens.flatten(0, 1), findings.flatten(), inputs["target_cls_labels"].long().masked_fill(~known, -1).flatten(),
        inputs["pos_prompt_emb"], inputs["neg_prompt_emb"], temperature=case.kwargs["temp"], images=images.flatten(),
    )  # fmt: skip
    return _compared(case, inputs, {"l_cls.patho_cls": loss}, loss, case.kwargs["coeff_patho_cls"])


@check("anat_cls")
def region_classes(case: Case):
    inputs = differentiable(case)
    if case.kwargs["subsample_negatives"] is not None:
        raise ValueError("the authors' draw of negatives is not recorded, so that it cannot be repeated")
    labels, known = (
        inputs[name].bool().flatten(0, 1) for name in ("target_anat_cls_labels", "has_anatomy_class_labels")
    )
    loss = region_class_loss(
        inputs["region_features"].flatten(0, 1), labels, inputs["pos_prompt_emb"], inputs["neg_prompt_emb"],
        torch.arange(labels.shape[1]), temperature=case.kwargs["temp"], known=known, balanced=False,
    )  # fmt: skip
    return _compared(case, inputs, {"l_anat.anat_cls": loss}, loss, case.kwargs["coeff_anat_cls"])


@check("anat_det_*")
def anatomy_boxes(case: Case):
    """Regions of one box and groups apart, then as one; a group weighs as much as one box."""
    inputs = differentiable(case)
    singles, every = case.kwargs["A_single"], case.kwargs["multiregions_match_all_boxes"]
    present, groups_present = inputs["target_anat_present_masks"].bool(), inputs["target_anat_multiboxes_masks"].bool()
    boxes, scores = inputs["multiboxes"], inputs["multiboxes_weights"]
    # one box per region, if not all are pulled to the target: the box around them
    own_boxes = boxes[:, :singles] if every else inputs["boxes"][:, :singles, None]
    own_scores = scores[:, :singles, : own_boxes.shape[2]]
    parts = {
        "l_anat.anat_single": _anatomy(
            own_boxes, own_scores, inputs["target_anat_boxes"][:, :, None], present[..., None], False, every
        ),
        "l_anat.anat_multi": _anatomy(
            boxes[:, singles:], scores[:, singles:], inputs["target_anat_multiboxes"], groups_present, True, every
        ),
    }
    counts = torch.stack([present.sum() * own_boxes.shape[2], groups_present.any(dim=-1).sum()])
    total = (torch.stack(list(parts.values())) * counts).sum() / counts.sum()
    parts["l_anat.anat_det"] = _as_one(inputs, singles) if every else total
    return _compared(case, inputs, parts, total, case.kwargs["coeff_anat_det"])


def _anatomy(boxes: Tensor, scores: Tensor, targets: Tensor, present: Tensor, grouped: bool, every: bool) -> Tensor:
    parts = [part.flatten(0, 1) for part in (boxes, scores, targets, present)]
    return anatomy_box_loss(*parts, torch.full((len(parts[0]),), grouped), rule=_group_rule(every))


def _group_rule(every: bool) -> MatchingRule:
    """Where not every box is pulled to a target, those of a group that are left over go unmatched too."""
    return recorded_rule("balanced_match" if every else "ignore", False)


def _as_one(inputs: dict[str, Tensor], singles: int) -> Tensor:
    """Regions of one box and groups in one call, as in training."""
    group_boxes, group_present = inputs["target_anat_multiboxes"], inputs["target_anat_multiboxes_masks"].bool()
    images, groups, most = group_present.shape
    targets, present = (
        torch.zeros(images, singles + groups, most, 4),
        torch.zeros(images, singles + groups, most).bool(),
    )
    targets[:, :singles, 0], present[:, :singles, 0] = (
        inputs["target_anat_boxes"],
        inputs["target_anat_present_masks"].bool(),
    )
    targets[:, singles:], present[:, singles:] = group_boxes, group_present
    grouped = (torch.arange(singles + groups) >= singles).expand(images, -1)
    parts = (inputs["multiboxes"], inputs["multiboxes_weights"], targets, present, grouped)
    return anatomy_box_loss(*(part.flatten(0, 1) for part in parts), rule=_group_rule(True))


def _compared(case: Case, inputs: dict[str, Tensor], parts: dict[str, Tensor], total: Tensor, weight: float):
    loss = weighted_sum({"part": total}, {"part": weight})["loss"]
    values = {**parts, "loss": loss}
    return {**{name: (values[name], case.outputs[name]) for name in values}, **gradients(case, inputs, loss)}
