"""The first stage's losses with their parts: boxes, classes and sentences, and the gradients of all parameters."""

from __future__ import annotations

import torch
from torch import Tensor

from chex.boxes import cxcywh_to_xyxy, union_box, xyxy_to_cxcywh
from chex.inference.classification import finding_probabilities
from chex.losses.averaging import masked_mean, mean_of_groups
from chex.losses.boxes import (
    BoxWeights,
    anatomy_box_loss,
    box_distance,
    matching_costs,
    pathology_box_loss,
    score_loss_per_prompt,
)
from chex.losses.classification import pathology_class_loss, region_class_loss
from chex.losses.contrastive import clip_loss, sentence_loss
from chex.losses.matching import match
from chex.model.detections import Detections, EncodedImages
from tests.parity.cases import Case
from tests.parity.components.matching import recorded_rule
from tests.parity.components.ties import closest_choice
from tests.parity.full_model.detection import PRESENT
from tests.parity.full_model.parameter_gradients import with_gradients
from tests.parity.full_model.recorded_model import model_of
from tests.parity.full_model.stage_prompts import anatomy_prompts, detect, finding_prompts, sentences_of
from tests.parity.registry import Found, check

SCORES_IN_DETECTION = BoxWeights().score  # the authors' one loss of boxes and scores weighs scores by it


@check("train_stage1*")
def detector_stage(case: Case) -> Found:
    return with_gradients(case, _losses)


def _losses(case: Case) -> dict[str, Tensor]:
    images = model_of(case.folder).image_encoder(case.inputs["x"])
    sentences, anatomy, pathology = _sentences(case, images), _anatomy(case, images), _pathology(case, images)
    anatomy_weights, pathology_weights = case.kwargs["anat_tok"], case.kwargs["patho_tok"]
    total = (
        sentences["l_sent.total_sent"]
        + anatomy_weights["coeff_anat_det"] * anatomy["l_anat.anat_det"]
        + anatomy_weights["coeff_anat_cls"] * anatomy["l_anat.anat_cls"]
        + pathology_weights["coeff_patho_detect"] * pathology["l_cls.patho_detect"]
        + pathology_weights["coeff_patho_cls"] * pathology["l_cls.patho_cls"]
    )
    return {"loss": total, **sentences, **anatomy, **pathology}


def _sentences(case: Case, images: EncodedImages) -> dict[str, Tensor]:
    k, said = case.kwargs["sent_tok"], sentences_of(case)
    seen = images.of(said.images)
    tokens = detect(case, seen, said.features, said.mask).tokens
    # the authors take a sentence that two reports share for a negative of itself
    different = torch.eye(int(said.mask.sum()), dtype=torch.bool)
    parts = {
        "global_contr": clip_loss(
            seen.patches.mean(dim=1), masked_mean(said.features, said.mask), temperature=k["global_contr_temp"]
        ),
        "sent_contr": sentence_loss(tokens, said.features, said.mask, different, temperature=k["sent_contr_temp"]),
    }
    total = sum(k[f"coeff_{name}"] * part for name, part in parts.items())
    return {f"l_sent.{name}": part for name, part in (parts | {"total_sent": total}).items()}


def _anatomy(case: Case, images: EncodedImages) -> dict[str, Tensor]:
    i, k = case.inputs, case.kwargs["anat_tok"]
    singles = len(i["anatomy_names"])
    names = i["anatomy_names"] + i["multi_anatomy_names"]
    found = detect(case, images, anatomy_prompts(case, names)[None])
    present, groups = i["target_anat_present_masks"], i["target_anat_multiboxes_masks"]
    all_boxes = k.get("multiregions_match_all_boxes", True)
    single = _one_box_loss(found, singles, i["target_anat_boxes"], present, all_boxes=all_boxes)
    rule = recorded_rule("balanced_match" if all_boxes else "ignore", False)
    multi = anatomy_box_loss(
        found.boxes_cxcywh[:, singles:].flatten(0, 1), found.scores[:, singles:].flatten(0, 1),
        i["target_anat_multiboxes"].flatten(0, 1), groups.flatten(0, 1),
        torch.ones(groups.shape[:2], dtype=torch.bool).flatten(),
        rule=rule,
    )  # fmt: skip
    counted = present.sum() * (found.scores.shape[-1] if all_boxes else 1), groups.any(dim=-1).sum()
    positive, negative = finding_prompts(case)
    known = i["has_anatomy_class_labels"] & present[..., None]
    labelled = known.any(dim=-1)
    classes = region_class_loss(
        found.tokens[:, :singles][labelled], i["target_anat_cls_labels"].bool()[labelled], positive, negative,
        torch.arange(len(positive)), temperature=k["anat_cls_temp"], known=known[labelled], balanced=False,
    )  # fmt: skip
    return {
        "l_anat.anat_single": single,
        "l_anat.anat_multi": multi,
        "l_anat.anat_det": (counted[0] * single + counted[1] * multi) / sum(counted),
        "l_anat.anat_cls": classes,
    }


def _one_box_loss(found: Detections, singles: int, targets: Tensor, present: Tensor, *, all_boxes: bool) -> Tensor:
    """Each box of a one-box region goes to the target, or only the box around them all, if any of them is there."""
    boxes = found.boxes_cxcywh[:, :singles]
    if not all_boxes:
        there = (found.scores[:, :singles] > PRESENT).any(dim=-1, keepdim=True)
        boxes = (xyxy_to_cxcywh(union_box(cxcywh_to_xyxy(boxes))) * there)[:, :, None]
    return box_distance(boxes, targets[:, :, None], BoxWeights())[present].mean()


def _pathology(case: Case, images: EncodedImages) -> dict[str, Tensor]:
    i, k = case.inputs, case.kwargs["patho_tok"]
    positive, negative = finding_prompts(case)
    found = detect(case, images, positive[None])
    return {
        **_pathology_boxes(case, found, positive, negative),
        "l_cls.patho_cls": _pathology_classes(
            found.tokens, i["has_class_labels"], i["target_cls_labels"], positive, negative, k["patho_cls_temp"]
        ),
    }


def _pathology_boxes(case: Case, found: Detections, positive: Tensor, negative: Tensor) -> dict[str, Tensor]:
    """Of all images that have boxes of any class, for all classes that have boxes in any image."""
    i, k = case.inputs, case.kwargs["patho_tok"]
    classes = i["class_ids_with_boxes"]
    rows = i["has_class_bboxes"][:, classes].any(dim=1).nonzero().squeeze(1)
    image, column = (index.flatten() for index in torch.meshgrid(rows, torch.arange(len(classes)), indexing="ij"))
    own = found.of(image, classes[column])  # P M …
    # the authors' probabilities, which only steer the matching, are of products that are no cosines
    every = finding_probabilities(own.box_features, positive, negative, temperature=1.0, cosine=False)  # P M C
    probabilities = every.gather(2, classes[column][:, None, None].expand(-1, every.shape[1], 1)).squeeze(2)
    targets = i["target_cls_boxes_padded"][image, column][..., :4], i["target_cls_boxes_mask"][image, column]
    rule = recorded_rule(k.get("non_matched_region_mode", "balanced_match"), k.get("greedy_match_multiregion", False))
    known = i["has_class_bboxes"][image, classes[column]]
    boxes, scores = pathology_box_loss(
        own.boxes_cxcywh, own.scores, probabilities, *targets, rule=rule, images=image, boxed=known
    )
    recorded = case.outputs["l_cls.weights_loss"]
    if not torch.isclose(scores, recorded, rtol=0, atol=1e-5):
        # which of several predictions stands for a target hangs on the last digit of the costs
        distance = box_distance(own.boxes_cxcywh[:, :, None], targets[0][:, None], BoxWeights())
        pairs, _ = match(matching_costs(distance, own.scores, probabilities, BoxWeights()), targets[1], rule)

        def loss_of(chosen: Tensor) -> Tensor:
            return mean_of_groups(score_loss_per_prompt(own.scores, pairs[chosen])[known], image[known])

        scores = loss_of(closest_choice(pairs, loss_of, recorded))
    both = boxes + SCORES_IN_DETECTION * scores
    return {"l_cls.box_loss": boxes, "l_cls.weights_loss": scores, "l_cls.patho_detect": both}


def _pathology_classes(
    tokens: Tensor, known: Tensor, labels: Tensor, positive: Tensor, negative: Tensor, temperature: float
) -> Tensor:
    """Among the prompts of those classes that any image of the batch has a label of."""
    asked = known.any(dim=0).nonzero().squeeze(1)
    image, column = torch.meshgrid(torch.arange(len(tokens)), torch.arange(len(asked)), indexing="ij")
    values = torch.where(known, labels, -1)[:, asked]
    return pathology_class_loss(
        tokens[:, asked].flatten(0, 1), column.flatten(), values.flatten(), positive[asked], negative[asked],
        temperature=temperature, images=image.flatten(),
    )  # fmt: skip
