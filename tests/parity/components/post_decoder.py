"""The post decoder, with and without patches, pooled image and gate, for one box and several."""

from __future__ import annotations

import torch
from torch import Tensor

from chex.model.detections import Detections, EncodedImages
from chex.model.official.names import POST_DECODER
from chex.model.post_decoder import PostDecoder
from chex.model_config import PostDecoderConfig
from tests.parity.cases import Case
from tests.parity.components.detector import encoded
from tests.parity.components.weights import fill, heads_of, silence
from tests.parity.registry import check

LAYERS = "post_decoder_layers."


@check("post_decoder_*")
@torch.no_grad()
def post_decoder(case: Case):
    found = _detections(case.inputs)
    mask = case.inputs["query_mask"]
    several = case.inputs["multiboxes_features"] is not None
    # with several boxes the authors always pass a mask, and every prompt sees all others (note 1)
    decoder = recorded_post_decoder(case, attends_to="image" if several or mask is not None else "prompt")
    tokens, boxes = refined(decoder, case, _memory(case), found, None if mask is None else mask.bool())
    return {
        "box_features": (tokens, case.outputs["box_features"]),
        "multiboxes_features": (boxes if several else None, case.outputs["multiboxes_features"]),
    }


@check("post_decoder_multibox_drop*")
@torch.no_grad()
def left_out_boxes(case: Case):
    """The authors leave boxes out at inference too; the draw is recorded."""
    kept = case.inputs["rand_draw"] > case.kwargs["multibox_drop_prob"]
    decoder = recorded_post_decoder(case, attends_to="image")
    values = {}
    for ending, mask in (("", None), ("_masked", case.inputs["query_mask_for_2nd"].bool())):
        found = decoder.refine_boxes(_memory(case), _detections(case.inputs), mask, kept=kept)
        values |= dict(zip((f"box_features{ending}", f"multiboxes_features{ending}"), found))
    return {name: (value, case.outputs[name]) for name, value in values.items()}


def recorded_post_decoder(case: Case, *, attends_to: str) -> PostDecoder:
    """Sizes are taken from the weights; branches without weights add nothing."""
    layers = {name.removeprefix(LAYERS).partition(".")[0] for name in case.params if name.startswith(LAYERS)}
    config = PostDecoderConfig(layers=len(layers), heads=heads_of(case), attends_to=attends_to)
    decoder = PostDecoder(config, case.inputs["box_features"].shape[-1])
    absent = fill(decoder, case.params, POST_DECODER)
    in_blocks = {name for name in absent if name.startswith("blocks.")}
    silence(decoder.blocks, {name.removeprefix("blocks.") for name in in_blocks})
    gate = {"gate", "norm.weight", "norm.bias"}
    if absent - in_blocks != (set() if case.kwargs.get("gate", True) else gate):
        raise ValueError(f"nothing recorded for {sorted(absent - in_blocks)}")
    return decoder


def refined(decoder: PostDecoder, case: Case, images: EncodedImages, found: Detections, mask: Tensor | None):
    """Tokens and box features; without a gate, which ours always has, they are what the blocks decoded."""
    if case.kwargs.get("gate", True):
        return decoder.refine_boxes(images, found, mask)
    decoded = decoder.decode(images, found, mask)
    return decoded[:, :, 0], decoded[:, :, 1:]


def _detections(inputs: dict[str, Tensor | None]) -> Detections:
    tokens, boxes = inputs["box_features"], inputs["multiboxes_features"]
    boxes = tokens[:, :, None][:, :, :0] if boxes is None else boxes
    return Detections(boxes[..., :4], boxes[..., 0], boxes, tokens)


def _memory(case: Case) -> EncodedImages:
    """What the recorded decoder looks at: patches and pooled image, one of them, or nothing.

    Without patches ours looks at the pooled image alone; one that looks at nothing has no cross-attention.
    """
    images = encoded(case.inputs)
    if case.kwargs.get("attend_to_patches", True):
        if not case.kwargs.get("attend_to_cls", True):
            raise ValueError("expected the pooled image beside the patches, as our memory always has it")
        return images
    return EncodedImages(images.patches[:, :0], images.positions[..., :0, :], images.pooled, (0, 0))
