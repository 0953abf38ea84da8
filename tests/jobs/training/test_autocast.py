"""Mixed precision on the CPU: every stage's losses and gradients stay finite, the weights stay single precision."""

from __future__ import annotations

import copy
import dataclasses
import functools
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch

from chex.objective_config import LossWeights
from chex.training_config import STAGES
from tests.jobs.training.test_stages import MIMIC, VINDR, batch, built

WEIGHTS = LossWeights(**{field.name: 1.0 for field in dataclasses.fields(LossWeights)})
SLIVER = 2.0**-12
EDGES = [(0.0, 0.0, 1.0, 1.0), (0.0, 0.0, SLIVER, SLIVER), (1 - SLIVER, 0.0, 1.0, 1.0)]  # what crops leave of regions
AT_THE_EDGES = tuple(dataclasses.replace(region, box=box) for region, box in zip(MIMIC.anatomy, EDGES, strict=True))
EXTREME = batch(dataclasses.replace(MIMIC, anatomy=AT_THE_EDGES), VINDR)
EXTREME["images"][0], EXTREME["images"][1] = 0, 255


def gradients(model, objective, given: dict) -> dict[str, torch.Tensor]:
    """Of one step in bfloat16, by parameter; the losses have to be finite."""
    model.zero_grad(set_to_none=True)
    with torch.autocast("cpu", torch.bfloat16):
        parts = objective(model, given, torch.Generator().manual_seed(0))
    assert all(torch.isfinite(part) for part in parts.values()), parts
    parts["loss"].backward()
    return {name: p.grad for name, p in model.named_parameters() if p.grad is not None}


def not_finite(found: dict[str, torch.Tensor]) -> list[str]:
    return [name for name, gradient in found.items() if not gradient.isfinite().all()]


@contextmanager
def scaled(module: torch.nn.Module, factor: float) -> Iterator[None]:
    """All parameters so many times as large for a while."""
    own = copy.deepcopy(module.state_dict())
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.mul_(factor)
    try:
        yield
    finally:
        module.load_state_dict(own)


@pytest.fixture(scope="module")
def stage_parts(tiny_model_dir):
    """Model and objective of a stage, built once: the tests leave the weights as they were."""

    @functools.cache
    def parts(name: str, by_box: float = 0.0):
        return built(name, tiny_model_dir, weights=WEIGHTS, box_query_share=by_box)

    return parts


@pytest.mark.parametrize(
    ("name", "by_box"), [*((name, 0.0) for name in STAGES), ("post-decoder", 1.0), ("generator", 1.0)]
)
def test_a_step_in_half_precision_reaches_every_trained_part_with_finite_gradients(name, by_box, stage_parts):
    torch.manual_seed(0)
    model, objective = stage_parts(name, by_box)
    found = gradients(model, objective, EXTREME)
    assert not not_finite(found)
    assert all(gradient.dtype == torch.float32 for gradient in found.values())
    assert {parameter.split(".")[0] for parameter, g in found.items() if g.any()} == set(objective.trained)


@pytest.mark.parametrize("head", ["box_head", "score_head", "output_head"])
def test_saturated_heads_of_the_detector_still_give_finite_gradients(head, stage_parts):
    """Boxes and scores of exactly 0 and 1, features without measure: what a diverging detector says."""
    model, objective = stage_parts("detector")
    with scaled(getattr(model.detector, head), 1e4):
        with torch.no_grad():
            images = model.encode_images(torch.as_tensor(EXTREME["images"]))
            found = model.detect(images, model.text_features(["heart", "spine"])[None])
        features = found.box_features.abs() / 1e4
        said = {"box_head": found.boxes_cxcywh, "score_head": found.scores, "output_head": features}
        assert (said[head] >= 1).any()
        assert not not_finite(gradients(model, objective, EXTREME))


@pytest.mark.parametrize("name", ["generator", "sentences"])
def test_huge_logits_of_the_language_model_still_give_finite_gradients(name, stage_parts):
    model, objective = stage_parts(name)
    with scaled(model.generator.language_model.norm, 1e4):
        assert not not_finite(gradients(model, objective, batch(MIMIC, MIMIC)))
