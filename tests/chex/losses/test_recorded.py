"""Losses against numbers recorded from the authors' implementation."""

from __future__ import annotations

import pytest
import torch

from chex.boxes import cxcywh_to_xyxy, generalized_iou, xyxy_to_cxcywh
from chex.losses.boxes import BoxWeights, anatomy_box_loss, box_distance, pathology_box_loss
from chex.losses.classification import pathology_class_loss
from chex.losses.contrastive import clip_loss, sentence_loss, squared_distance
from chex.losses.focal import focal_loss
from tests.recorded import Recorded, recorded_sets

CLOSE = {"rel": 1e-5, "abs": 1e-5}


@pytest.fixture(scope="module")
def sets(shared) -> list[Recorded]:
    return [Recorded(folder) for folder in recorded_sets(shared)]


def test_box_costs(sets):
    for recorded in sets:
        l1, giou = recorded("bbox_l1_ccost"), recorded("bbox_giou_ccost")
        pairs = l1.inputs["boxes1"][:, :, :, None], l1.inputs["boxes2"][:, :, None]
        assert torch.allclose(box_distance(*pairs, BoxWeights(giou=0)), 5 * l1.outputs["cost"], atol=1e-5)
        pairs = [cxcywh_to_xyxy(boxes) for boxes in (giou.inputs["boxes1"], giou.inputs["boxes2"])]
        overlap = generalized_iou(pairs[0][:, :, :, None], pairs[1][:, :, None])
        assert torch.allclose(1 - overlap, giou.outputs["cost"], atol=1e-5)


def test_box_conversions(sets):
    for recorded in sets:
        case = recorded("box_conversions")
        assert torch.allclose(cxcywh_to_xyxy(case.inputs["boxes"]), case.outputs["corners"], atol=1e-6)
        assert torch.allclose(xyxy_to_cxcywh(case.outputs["corners"]), case.outputs["back"], atol=1e-6)


@pytest.mark.parametrize("name", ["focal_probs_auto", "focal_probs_auto_allneg", "focal_probs_auto_allpos"])
def test_focal_loss(sets, name):
    for recorded in sets:
        case = recorded(name)
        found = focal_loss(case.inputs["preds"], case.inputs["targets"].bool())
        assert found.item() == pytest.approx(case.outputs["loss"].mean().item(), **CLOSE)


def test_image_report_contrast(sets):
    for recorded in sets:
        case = recorded("global_contrastive_loss")
        found = clip_loss(case.inputs["z1"], case.inputs["z2"], temperature=case.kwargs["temp"])
        assert found.item() == pytest.approx(case.outputs["loss"].item(), **CLOSE)


def test_sentence_contrast(sets):
    for recorded in sets:
        case = recorded("sentence_contrastive_cross1_s2r0.0_r2s1.0")
        mask = case.inputs["sentence_mask"].bool()
        different = torch.eye(int(mask.sum()), dtype=torch.bool)
        found = sentence_loss(
            case.inputs["z_reg"], case.inputs["z_sent"], mask, different, temperature=case.kwargs["temp"]
        )
        assert found.item() == pytest.approx(case.outputs["loss"].item(), **CLOSE)


@pytest.mark.parametrize("name", ["sentence_mse_loss", "sentence_mse_loss_emptysample"])
def test_sentence_distance(sets, name):
    for recorded in sets:
        case = recorded(name)
        found = squared_distance(case.inputs["z_reg"], case.inputs["z_sent"], case.inputs["sentence_mask"].bool())
        assert found.item() == pytest.approx(case.outputs["loss"].item(), **CLOSE)


def test_pathology_contrast(sets):
    for recorded in sets:
        case = recorded("pathology_contrastive_neg1_ign0")
        targets = case.inputs["targets"].long()
        prompts = case.inputs["pos_prompt_emb"], case.inputs["neg_prompt_emb"]
        for b, c in torch.cartesian_prod(*map(torch.arange, targets.shape)).tolist():
            found = pathology_class_loss(
                case.inputs["features"][b, c][None], torch.tensor([c]), targets[b, c][None], *prompts,
                temperature=case.kwargs["temp"],
            )  # fmt: skip
            assert found.item() == pytest.approx(case.outputs["loss"][b, c].item(), **CLOSE)


def test_pathology_boxes(sets):
    """The mean over each image's boxed findings, then over images; ties of the score targets are left out."""
    for recorded in sets:
        case = recorded("patho_detect_balanced_match")
        i = case.inputs
        sides = [torch.einsum("bcmd,cd->bcm", i["multiboxes_features"], i[f"{s}_prompt_emb"]) for s in ("pos", "neg")]
        probabilities = torch.stack(sides, dim=-1).softmax(dim=-1)[..., 0]
        losses = []
        for b, boxed in enumerate(i["has_class_bboxes"].bool()):
            targets, present = i["target_cls_boxes_padded"][b, boxed], i["target_cls_boxes_mask"][b, boxed].bool()
            predicted = i["multiboxes"][b, boxed], i["multiboxes_weights"][b, boxed], probabilities[b, boxed]
            losses.append(pathology_box_loss(*predicted, targets[..., :4], present)[0])
        assert torch.stack(losses).mean().item() == pytest.approx(case.outputs["l_cls.box_loss"].item(), **CLOSE)


def test_anatomy_boxes(sets):
    for recorded in sets:
        case = recorded("anat_det_matchall1")
        i, singles = case.inputs, case.kwargs["A_single"]
        group_boxes, group_present = i["target_anat_multiboxes"], i["target_anat_multiboxes_masks"].bool()
        images, groups, most = group_present.shape
        targets = torch.zeros(images, singles + groups, most, 4)
        present = torch.zeros(images, singles + groups, most, dtype=torch.bool)
        targets[:, :singles, 0], present[:, :singles, 0] = i["target_anat_boxes"], i["target_anat_present_masks"].bool()
        targets[:, singles:], present[:, singles:] = group_boxes, group_present
        grouped = (torch.arange(singles + groups) >= singles).expand(images, -1)
        prompts = (i["multiboxes"], i["multiboxes_weights"], targets, present, grouped)
        found = anatomy_box_loss(*(part.flatten(0, 1) for part in prompts))
        assert found.item() == pytest.approx(case.outputs["l_anat.anat_det"].item(), **CLOSE)
