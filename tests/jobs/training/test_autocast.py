"""Mixed precision on the CPU: every stage's losses and gradients stay finite, the weights stay single precision."""

from __future__ import annotations

import dataclasses

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


@pytest.mark.parametrize(
    ("name", "by_box"), [*((name, 0.0) for name in STAGES), ("post-decoder", 1.0), ("generator", 1.0)]
)
def test_a_step_in_half_precision_reaches_every_trained_part_with_finite_gradients(name, by_box, tiny_model_dir):
    torch.manual_seed(0)
    model, objective = built(name, tiny_model_dir, weights=WEIGHTS, box_query_share=by_box)
    for given in (batch(MIMIC, VINDR), EXTREME):
        found = gradients(model, objective, given)
        assert not not_finite(found)
        assert all(gradient.dtype == torch.float32 for gradient in found.values())
        reached = {parameter.split(".")[0] for parameter, gradient in found.items() if gradient.any()}
        assert reached == set(objective.trained)


@pytest.mark.parametrize("head", ["box_head", "score_head", "output_head"])
def test_saturated_heads_of_the_detector_still_give_finite_gradients(head, tiny_model_dir):
    """Boxes and scores of exactly 0 and 1, features without measure: what a diverging detector says."""
    model, objective = built("detector", tiny_model_dir, weights=WEIGHTS)
    with torch.no_grad():
        for parameter in getattr(model.detector, head).parameters():
            parameter *= 1e4
        images = model.encode_images(torch.as_tensor(EXTREME["images"]))
        found = model.detect(images, model.text_features(["heart", "spine"])[None])
    said = {"box_head": found.boxes_cxcywh, "score_head": found.scores, "output_head": found.box_features.abs() / 1e4}
    assert (said[head] >= 1).any()
    assert not not_finite(gradients(model, objective, EXTREME))


@pytest.mark.parametrize("name", ["generator", "sentences"])
def test_huge_logits_of_the_language_model_still_give_finite_gradients(name, tiny_model_dir):
    model, objective = built(name, tiny_model_dir, weights=WEIGHTS)
    with torch.no_grad():
        model.generator.language_model.norm.weight *= 1e4
    assert not not_finite(gradients(model, objective, batch(MIMIC, MIMIC)))
