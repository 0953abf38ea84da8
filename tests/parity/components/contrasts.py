"""Contrasts of images with reports, regions with sentences and regions with prompts; the squared distance."""

from __future__ import annotations

import torch
from torch import Tensor

from chex.losses.averaging import masked_mean
from chex.losses.contrastive import clip_loss, sentence_loss
from chex.losses.distance import squared_distance
from chex.losses.info_nce import cosine_logits, info_nce
from tests.parity.cases import Case
from tests.parity.comparison import Compared
from tests.parity.gradients import differentiable, gradients
from tests.parity.registry import check


@check("global_contrastive_loss")
def images_and_reports(case: Case):
    inputs = differentiable(case)
    loss = clip_loss(inputs["z1"], inputs["z2"], temperature=case.kwargs["temp"])
    return {"loss": (loss, case.outputs["loss"]), **gradients(case, inputs, loss)}


@check("sentence_contrastive_*")
def regions_and_sentences(case: Case):
    """The other direction is ours with both sides exchanged; what is no negative is what counts as the same."""
    inputs = differentiable(case)
    regions, sentences, mask = inputs["z_reg"], inputs["z_sent"], inputs["sentence_mask"].bool()
    same = torch.eye(int(mask.sum()), dtype=torch.bool)
    if not case.kwargs["cross_sample_negatives"]:
        image = mask.nonzero()[:, 0]
        same |= image[:, None] != image
    parts = {"lambda_reg2sent": (regions, sentences), "lambda_sent2reg": (sentences, regions)}
    loss = sum(
        case.kwargs[share] * sentence_loss(*sides, mask, same, temperature=case.kwargs["temp"])
        for share, sides in parts.items()
    )
    return {"loss": (loss, case.outputs["loss"]), **gradients(case, inputs, loss)}


@check("sentence_mse_*")
def distance(case: Case):
    inputs = differentiable(case)
    loss = squared_distance(inputs["z_reg"], inputs["z_sent"], inputs["sentence_mask"].bool())
    return {"loss": (loss, case.outputs["loss"]), **gradients(case, inputs, loss)}


@check("pathology_contrastive_*")
def tokens_and_findings(case: Case):
    inputs = differentiable(case)
    present = inputs["targets"] == 1  # B C
    logits = _logits(case, inputs["features"], torch.cat([inputs["pos_prompt_emb"], inputs["neg_prompt_emb"]]))
    own = torch.eye(present.shape[1], dtype=torch.bool).expand(len(present), -1, -1)
    right = torch.cat([own & present[..., None], own & ~present[..., None]], dim=-1)  # B C 2C
    sides = [torch.ones_like(own), own if not case.kwargs["use_negatives_of_other_classes"] else torch.ones_like(own)]
    if case.kwargs["ignore_other_classes_when_false_target"]:
        sides = [side & (own | present[..., None]) for side in sides]
    losses = info_nce(logits, right, torch.cat(sides, dim=-1))
    return {"loss": (losses, case.outputs["loss"]), **gradients(case, inputs, losses)}


@check("anat_pathology_contrastive_*")
def regions_and_findings(case: Case):
    inputs = differentiable(case)
    there, known = inputs["targets"].bool(), inputs["has_targets"].bool()  # B A C
    asked = case.kwargs["negative_prompt_examples"]
    if case.kwargs["subsample_negatives"] is not None:
        raise ValueError("the authors' draw of negatives is not recorded, so that it cannot be repeated")
    logits = torch.cat([_logits(case, inputs["features"], inputs[f"{kind}_prompt_emb"]) for kind in asked], dim=-1)
    right = [
        (there if kind.endswith("pos") else ~there) & known & (kind in case.kwargs["positive_prompt_examples"])
        for kind in asked
    ]
    losses = info_nce(logits, torch.cat(right, dim=-1), torch.cat([known] * len(asked), dim=-1))
    return {"loss": (losses, case.outputs["loss"]), **gradients(case, inputs, losses)}


def _logits(case: Case, features: Tensor, prompts: Tensor) -> Tensor:
    if not case.kwargs["normalized"]:
        raise ValueError("expected normalised similarities, the only ones that are trained with")
    return cosine_logits(features, prompts, case.kwargs["temp"])


@check("global_avg_pool")
def pooling(case: Case):
    features, mask = case.inputs["x"], case.inputs["mask"].bool()
    return {
        "masked": Compared(masked_mean(features, mask), case.outputs["masked"]),
        "unmasked": (masked_mean(features, torch.ones_like(mask)), case.outputs["unmasked"]),
    }
