"""Parts of the model with copied weights against numbers recorded from the authors' implementation."""

from __future__ import annotations

import pytest
import torch

from chex.model.detections import Detections, EncodedImages
from chex.model.official.names import DETECTOR, POST_DECODER, translate
from chex.model.post_decoder import PostDecoder
from chex.model.prompt_detector import PromptDetector
from chex.model.roi_pool import gaussian_weights
from chex.model_config import DetectorConfig, PostDecoderConfig
from tests.recorded import Recorded, recorded_sets


@pytest.fixture(scope="module")
def sets(shared) -> list[Recorded]:
    return [Recorded(folder) for folder in recorded_sets(shared)]


def with_weights(part, params: dict, rules):
    """The part with the recorded weights, every one of them."""
    translated = translate(params, rules)
    assert not translated.unknown
    part.load_state_dict(translated.weights)
    return part.eval()


def encoded(inputs: dict) -> EncodedImages:
    patches = inputs["patch_features"]
    positions = inputs["pos_embeddings"].flatten(1, 2)
    return EncodedImages(patches.flatten(1, 2), positions, inputs["global_features"], tuple(patches.shape[1:3]))


def layers_of(params: dict) -> int:
    return len({name.split("decoder_layers.")[1].split(".")[0] for name in params if "decoder_layers." in name})


def detector(case, attends_to: str) -> PromptDetector:
    tokens = case.params["multiregion_tokens"]
    config = DetectorConfig(
        layers=layers_of(case.params), heads=case.kwargs["nhead"], boxes_per_prompt=len(tokens), attends_to=attends_to
    )
    return with_weights(PromptDetector(config, tokens.shape[1]), case.params, DETECTOR)


@pytest.mark.parametrize("name", ["beta1.0", "beta2.0", "beta4.0", "nonsquare", "extreme"])
def test_gaussian_weights(sets, name):
    for recorded in sets:
        case = recorded(f"soft_roi_pool_{name}")
        rows, columns = case.inputs["x"].shape[1:3]
        weights = gaussian_weights(case.inputs["box_params"], rows, columns, case.kwargs["beta"])
        assert torch.allclose(weights, case.outputs["roi_maps"].flatten(-2), atol=1e-6)
        if rows == columns:
            pooled = weights @ case.inputs["x"].flatten(1, 2)
            assert torch.allclose(pooled, case.outputs["roi_features"], atol=1e-5)


@pytest.mark.parametrize(
    ("name", "attends_to"),
    [
        ("shared_queries", "prompt"),
        ("per_sample_queries", "prompt"),
        ("allones_mask", "image"),
        ("masked_queries", "image"),
    ],
)
def test_detector(sets, name, attends_to):
    """With a padding mask every prompt of the authors' detector sees all others: the option `image`."""
    for recorded in sets:
        case = recorded(f"detector_{name}_skip1")
        queries, mask = case.inputs["query_tokens"], case.inputs["query_mask"]
        mask = None if mask is None else mask.bool()
        queries = queries if queries.ndim == 3 else queries[None]
        with torch.no_grad():
            found = detector(case, attends_to)(encoded(case.inputs), queries, mask)
        real = torch.ones(found.tokens.shape[:2], dtype=torch.bool) if mask is None else mask
        for ours, theirs in (
            (found.boxes_cxcywh, "multiboxes"), (found.scores, "multiboxes_weights"),
            (found.box_features, "multiboxes_features"), (found.tokens, "box_features"),
        ):  # fmt: skip
            assert torch.allclose(ours[real], case.outputs[theirs][real], atol=1e-5), theirs


def test_box_queries(sets):
    for recorded in sets:
        case, trained = recorded("encode_regions_nomask"), recorded("detector_shared_queries_skip1")
        with torch.no_grad():
            found = detector(trained, "prompt").describe_boxes(encoded(case.inputs), case.inputs["region_boxes"])
        assert torch.allclose(found.tokens, case.outputs["box_features"], atol=1e-5)


@pytest.mark.parametrize(
    ("name", "attends_to"),
    [("multi_nomask", "image"), ("multi_allones", "image"), ("multi_mask", "image"), ("single_nomask", "prompt")],
)
def test_post_decoder(sets, name, attends_to):
    """With several boxes per prompt the authors' post decoder always passes a mask: the option `image`."""
    for recorded in sets:
        case = recorded(f"post_decoder_patches_cls_gate_{name}")
        heads = recorded("detector_shared_queries_skip1").kwargs["nhead"]
        tokens, boxes, mask = (case.inputs[n] for n in ("box_features", "multiboxes_features", "query_mask"))
        boxes = tokens[:, :, None] if boxes is None else boxes
        config = PostDecoderConfig(layers=layers_of(case.params), heads=heads, attends_to=attends_to)
        decoder = with_weights(PostDecoder(config, tokens.shape[-1]), case.params, POST_DECODER)
        found = Detections(boxes[..., :4], boxes[..., 0], boxes, tokens)
        mask = None if mask is None else mask.bool()
        with torch.no_grad():
            refined = decoder(encoded(case.inputs), found, mask)
        real = torch.ones(tokens.shape[:2], dtype=torch.bool) if mask is None else mask
        assert torch.allclose(refined[real], case.outputs["box_features"][real], atol=1e-5)
