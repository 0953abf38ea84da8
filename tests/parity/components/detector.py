"""The prompt detector as a whole, its score head, and boxes that a user draws."""

from __future__ import annotations

import torch
from torch import Tensor

from chex.model.attention import Mlp
from chex.model.detections import EncodedImages
from chex.model.official.names import DETECTOR
from chex.model.prompt_detector import PromptDetector
from chex.model_config import DetectorConfig
from tests.parity.cases import Case
from tests.parity.comparison import Compared
from tests.parity.components.detections import as_recorded
from tests.parity.components.weights import fill, heads_of
from tests.parity.registry import check

LAYERS = "decoder.decoder_layers."


@check("detector_*")
@torch.no_grad()
def detections(case: Case):
    prompts, mask = case.inputs["query_tokens"], case.inputs["query_mask"]
    prompts = prompts if prompts.ndim == 3 else prompts[None]
    mask = None if mask is None else mask.bool()
    # with a mask, even of ones, every prompt of the authors' detector sees all others (note 1)
    detector = recorded_detector(case, attends_to="prompt" if mask is None else "image")
    images = encoded(case.inputs)
    skip = torch.full((1, 1, 1), bool(case.kwargs["skip_roi_pool"]))
    found = detector(images, prompts, mask, skip=skip)
    real = torch.ones(found.tokens.shape[:2], dtype=torch.bool) if mask is None else mask
    boxes, features = (part * real[..., None, None] for part in (found.boxes_cxcywh, found.box_features))
    values = as_recorded(boxes, features, mask, detector.score_head)
    values["decoded_queries"] = detector.decode(images, prompts, mask).flatten(1, 2)
    return {
        **_compared(case, values),
        "tokens of real prompts": (found.tokens[real], case.outputs["box_features"][real]),
        "scores of real prompts": (found.scores[real], case.outputs["multiboxes_weights"][real]),
    }


@check("handle_multiregions_*")
@torch.no_grad()
def several_boxes(case: Case):
    boxes, features, mask = (case.inputs[name] for name in ("boxes", "box_features", "box_mask"))
    number, width = case.kwargs["multiregions"], features.shape[-1]
    holder = torch.nn.Module()
    holder.score_head = Mlp(width, width, 1)
    fill(holder, case.params, DETECTOR)
    boxes, features = (part.unflatten(1, (-1, number)) for part in (boxes, features))
    mask = None if mask is None else mask.unflatten(1, (-1, number))[:, :, 0]
    return _compared(case, as_recorded(boxes, features, mask, holder.score_head))


@check("encode_regions_*")
@torch.no_grad()
def drawn_boxes(case: Case):
    detector = recorded_detector(case, attends_to="prompt")
    tokens = detector.describe_boxes(encoded(case.inputs), case.inputs["region_boxes"]).tokens
    mask, note = case.inputs["region_mask"], ""
    if mask is not None:
        tokens, note = tokens * mask[..., None], "0 where a region is padding"
    return {"box_features": Compared(tokens, case.outputs["box_features"], note=note)}


def recorded_detector(case: Case, *, attends_to: str) -> PromptDetector:
    """Sizes are taken from the weights."""
    boxes, width = case.params["multiregion_tokens"].shape
    layers = {name.removeprefix(LAYERS).partition(".")[0] for name in case.params if name.startswith(LAYERS)}
    config = DetectorConfig(
        layers=len(layers), heads=heads_of(case), boxes_per_prompt=boxes, attends_to=attends_to,
        pooling_beta=_pooling_beta(case),
    )  # fmt: skip
    detector = PromptDetector(config, width)
    if absent := fill(detector, case.params, DETECTOR):
        raise ValueError(f"nothing recorded for {sorted(absent)}")
    return detector


def encoded(inputs: dict[str, Tensor]) -> EncodedImages:
    """Recorded patches (B, H, W, D) with their positions, and the image as a whole, in our layout."""
    patches, positions = inputs["patch_features"], inputs["pos_embeddings"].flatten(1, 2)
    return EncodedImages(patches.flatten(1, 2), positions, inputs["global_features"], tuple(patches.shape[1:3]))


def _pooling_beta(case: Case) -> float:
    sizes = case.header.get("sizes", {})
    return case.kwargs.get("soft_roi_beta", sizes.get("beta", DetectorConfig().pooling_beta))


def _compared(case: Case, values: dict[str, Tensor]) -> dict[str, tuple[Tensor, Tensor]]:
    return {name: (values[name], recorded) for name, recorded in case.outputs.items() if name in values}
