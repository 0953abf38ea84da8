"""Token kinds that are left out: no loss of theirs, no prompt of theirs asked, and nothing learned from them."""

from __future__ import annotations

import pytest
import torch

from chex.config import ConfigError, from_mapping
from chex.objective_config import TOKEN_KINDS, LossWeights, ObjectiveConfig
from tests.jobs.training.test_stages import FULL, built

FINDINGS = LossWeights(finding_probabilities=1.0, finding_mse=1.0, finding_generation=1.0)
LOSSES = {  # of each kind of token
    "detector": {
        "pathology": {"pathology_boxes", "pathology_scores", "pathology_classes", "pathology_probabilities"},
        "anatomy": {"anatomy_boxes", "anatomy_classes", "region_probabilities"},
        "sentence": {"sentence_contrast"},
    },
    "post-decoder": {
        "pathology": {"finding_probabilities"},
        "anatomy": {"anatomy_classes", "region_probabilities", "anatomy_mse"},
        "sentence": {"sentence_contrast", "sentence_mse"},
    },
    "generator": {
        "pathology": {"finding_probabilities", "finding_mse", "finding_generation"},
        "anatomy": {"anatomy_classes", "region_probabilities", "anatomy_mse", "anatomy_generation"},
        "sentence": {"sentence_contrast", "sentence_mse", "sentence_generation"},
    },
}
OF_NO_TOKEN = {"detector": {"image_report"}, "post-decoder": set(), "generator": set()}


def losses(stage, folder, kinds, monkeypatch):
    """The losses of a batch, and how often the detector was asked for them."""
    model, objective = built(stage, folder, box_query_share=0.0, token_kinds=kinds, weights=FINDINGS)
    asked, detect = [], model.detect
    monkeypatch.setattr(model, "detect", lambda *arguments: asked.append(1) or detect(*arguments))
    return model, objective(model, FULL, torch.Generator().manual_seed(0)), len(asked)


@pytest.mark.parametrize("stage", LOSSES)
@pytest.mark.parametrize("kinds", [(kind,) for kind in TOKEN_KINDS] + [TOKEN_KINDS[::-1]], ids="+".join)
def test_only_the_kinds_that_are_trained_are_asked(stage, kinds, tiny_model_dir, monkeypatch):
    model, found, asked = losses(stage, tiny_model_dir, kinds, monkeypatch)
    wanted = set().union(*(LOSSES[stage][kind] for kind in kinds), OF_NO_TOKEN[stage], {"loss"})
    assert set(found) == wanted
    assert asked == len(kinds), "a kind that is left out takes no time"
    found["loss"].backward()
    assert all(p.grad.isfinite().all() for p in model.parameters() if p.grad is not None)


def test_regions_are_not_asked_by_box_either(tiny_model_dir, monkeypatch):
    model, objective = built("post-decoder", tiny_model_dir, box_query_share=1.0, token_kinds=("pathology", "sentence"))
    monkeypatch.setattr(model, "describe_boxes", lambda *_: pytest.fail("a region was asked by its box"))
    assert "anatomy_mse" not in objective(model, FULL, torch.Generator().manual_seed(0))


def test_without_sentence_tokens_reports_teach_the_image_encoder_only(tiny_model_dir):
    model, objective = built("detector", tiny_model_dir, token_kinds=("pathology",))
    objective(model, FULL, torch.Generator().manual_seed(0))["image_report"].backward()
    learned = {name.split(".")[0] for name, p in model.named_parameters() if p.grad is not None and p.grad.abs().sum()}
    assert learned == {"image_encoder"}


@pytest.mark.parametrize("kinds", [[], ["anatomy", "anatomy"], ["regions"]])
def test_impossible_kinds_are_refused_with_the_possible_ones(kinds):
    with pytest.raises(ConfigError, match="token_kinds.*pathology.*anatomy.*sentence"):
        from_mapping(ObjectiveConfig, {"token_kinds": kinds})
