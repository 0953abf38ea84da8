"""Prompts and boxes to regions, with and without the post decoder."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from chex.boxes import clip, cxcywh_to_xyxy, union_box, xyxy_to_cxcywh
from chex.model.detections import Detections, EncodedImages
from chex.model.prompt_detector import aggregate
from tests.parity.cases import Case
from tests.parity.full_model.recorded_model import attending, encoded, hidden, model_of
from tests.parity.registry import Found, check

PRESENT = 0.5  # a box with a higher score is there, in the authors' code


@check("detect_*")
@torch.no_grad()
def prompts_to_regions(case: Case) -> Found:
    """With a padding mask every prompt of the authors' detector sees all others, and what is padding is set to 0."""
    images, mask = encoded(case), case.inputs.get("box_prompt_mask")
    found, real = detected(case, images, case.inputs["box_prompts_emb"], mask)
    tokens, box_features = found.tokens, found.box_features
    if case.kwargs.get("use_post_decoder", True):
        tokens, box_features = model_of(case.folder).post_decoder.refine_boxes(
            images, found, None if mask is None else real, kept=_kept(case)
        )
    outputs = case.outputs
    here = _score_of(case, found)  # padding has the score of an empty feature inside the region's own score
    boxes = clipped(found.boxes_cxcywh) if case.kwargs.get("clip_boxes") else found.boxes_cxcywh
    present = found.scores > PRESENT
    cover = xyxy_to_cxcywh(union_box(cxcywh_to_xyxy(boxes))) * present.any(dim=-1, keepdim=True)
    return {
        "box_features": (tokens, outputs["box_features"]),
        "multiboxes_features": (box_features, outputs["multiboxes_features"]),
        "boxes": (cover, outputs["boxes"]),
        "boxes_weights": (region_scores(here), outputs["boxes_weights"]),
        "boxes_present": (present.any(dim=-1), outputs["boxes_present"]),
        "box_mask": (real, outputs["box_mask"]),
        "multiboxes": (boxes, outputs["multiboxes"]),
        "multiboxes_weights": (found.scores, outputs["multiboxes_weights"]),
        "multiboxes_present": (present, outputs["multiboxes_present"]),
    }


def detected(case: Case, images: EncodedImages, prompts: Tensor, mask: Tensor | None) -> tuple[Detections, Tensor]:
    """Detections of prompts (Q, D) or (B, Q, D) as the case asks for them, and which are real (B, Q)."""
    detector = model_of(case.folder).detector
    prompts = prompts if prompts.ndim == 3 else prompts[None]
    shape = len(images.patches), prompts.shape[1]
    with attending(detector, "prompt" if mask is None else "image"):
        real = torch.ones(shape, dtype=torch.bool) if mask is None else mask.expand(shape)
        found = detector(images, prompts, None if mask is None else real, skip=_skip(case, shape))
    return (found if mask is None else hidden(found, real)), real


def _skip(case: Case, shape: tuple[int, int]) -> Tensor:
    """Where the decoder's output joins the pooled feature: everywhere, nowhere, or as recorded (B, Q · M)."""
    always = case.kwargs.get("skip_roi_pool", case.kwargs.get("skip_roi_pool_inference"))
    if always is not None:
        return torch.full((*shape, 1), bool(always))
    return case.inputs["rand_draw_skip"].view(*shape, -1) < case.kwargs["skip_roi_pool_prob"]


def _kept(case: Case) -> Tensor | None:
    drawn, dropped = case.inputs.get("rand_draw_multibox"), case.kwargs["post_decoder_multibox_drop"]
    if drawn is None and dropped:
        raise ValueError("box features are left out by chance, but no draw is recorded")
    return None if drawn is None else drawn > dropped


def _score_of(case: Case, found: Detections) -> Tensor:
    """Scores (B, Q, M) of the features as they are, also of those that are set to 0."""
    return model_of(case.folder).detector.score_head(found.box_features).squeeze(-1).sigmoid()


def region_scores(scores: Tensor) -> Tensor:
    """One score per region (…), the boxes' scores (…, M) weighted as their features are."""
    return aggregate(scores[..., None], scores).squeeze(-1)


def clipped(boxes_cxcywh: Tensor) -> Tensor:
    return xyxy_to_cxcywh(clip(cxcywh_to_xyxy(boxes_cxcywh)))


@check("encode_regions_*")
@torch.no_grad()
def boxes_to_regions(case: Case) -> Found:
    tokens = box_tokens(
        case, encoded(case), case.inputs["region_boxes"], case.inputs["region_mask"],
        refined=case.kwargs["use_post_decoder"],
    )  # fmt: skip
    return {"box_features": (tokens, case.outputs["box_features"])}


def box_tokens(
    case: Case, images: EncodedImages, boxes_cxcywh: Tensor, mask: Tensor | None, *, refined: bool = True
) -> Tensor:
    """Tokens (B, Q, D) of boxes (B, Q, 4); with a mask (B, Q) the authors' post decoder lets every box see all others."""
    model = model_of(case.folder)
    found = model.describe_boxes(images, boxes_cxcywh)
    if mask is not None:
        found = hidden(found, mask)
    if not refined:
        return found.tokens
    found = replace(found, box_features=found.box_features[:, :, :0])  # a user's box has no boxes of its own
    with attending(model.post_decoder, "prompt" if mask is None else "image"):
        return model.refine(images, found, mask)
