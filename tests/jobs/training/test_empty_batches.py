"""Batches in which some or all targets are missing: every stage learns from what there is, and nothing from the rest."""

from __future__ import annotations

import dataclasses
import functools

import pytest
import torch

from chex.objective_config import LossWeights
from chex.records import Annotations, PathologyBox, PathologyLabel, Region
from chex.training_config import STAGES
from jobs.training.stages import stage_of
from tests.jobs.training.test_stages import MIMIC, RIGHT, VINDR, batch, built

SILENT = tuple(dataclasses.replace(region, sentences=()) for region in MIMIC.anatomy)
UNLABELLED = tuple(dataclasses.replace(region, labels_present=(), labelled=False) for region in MIMIC.anatomy)
WITHOUT = {
    "anything": Annotations(),
    "boxes": dataclasses.replace(MIMIC, anatomy=(), pathology_labels=VINDR.pathology_labels),
    "sentences": dataclasses.replace(VINDR, anatomy=SILENT),
    "labels": dataclasses.replace(MIMIC, anatomy=UNLABELLED, pathology_labels=()),
    "anatomy": dataclasses.replace(VINDR, sentences=MIMIC.sentences),
    "certain labels": Annotations(pathology_labels=(PathologyLabel("vindr/Cardiomegaly", -1),)),
    "present findings": Annotations(pathology_labels=(PathologyLabel("vindr/No finding", 1),)),
    "all but one region": Annotations(anatomy=(Region("trachea", RIGHT),)),
    "all but one finding's box": Annotations(
        pathology_labels=(PathologyLabel("vindr/Pneumothorax", 1),),
        pathology_boxes=(PathologyBox("vindr/Pneumothorax", RIGHT),),
    ),
    "all but one sentence": Annotations(sentences=("No pneumothorax.",)),
}
NEEDS = {  # what the parts of a loss are about: without it they must be missing or 0
    "pathology": {"pathology_boxes", "pathology_scores", "pathology_classes", "pathology_probabilities"},
    "anatomy": {
        "anatomy_boxes", "anatomy_classes", "region_probabilities", "region_names", "region_labels", "anatomy_mse",
        "anatomy_generation",
    },
    "region labels": {"anatomy_classes", "region_probabilities", "region_labels"},
    "sentences": {"image_report", "sentence_contrast", "sentence_mse"},
}  # fmt: skip


def lacking(annotations: Annotations) -> set[str]:
    """The parts of the losses that these annotations say nothing about."""
    absent = set() if any(label.value >= 0 for label in annotations.pathology_labels) else {"pathology"}
    absent |= set() if annotations.anatomy else {"anatomy"}
    absent |= set() if any(region.labelled for region in annotations.anatomy) else {"region labels"}
    absent |= set() if annotations.sentences else {"sentences"}
    return set().union(*(NEEDS[kind] for kind in absent))


@pytest.fixture(scope="module")
def stage_parts(tiny_model_dir):
    """Model and objective of a stage, built once: no test here changes a weight."""
    return functools.cache(functools.partial(_built, tiny_model_dir))


def _built(folder, name: str, **changes):
    weights = LossWeights(**{field.name: 1.0 for field in dataclasses.fields(LossWeights)})
    return built(name, folder, weights=weights, **{"box_query_share": 0.0, **changes})


def learned(model, objective, given: dict) -> dict[str, torch.Tensor]:
    """The parts of the loss, after one backward pass that has to leave finite gradients."""
    model.zero_grad(set_to_none=True)
    parts = objective(model, given, torch.Generator().manual_seed(0))
    assert all(torch.isfinite(part) for part in parts.values()), parts
    parts["loss"].backward()
    gradients = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    assert not [name for name, gradient in gradients.items() if not gradient.isfinite().all()]
    return parts


@pytest.mark.parametrize("missing", WITHOUT)
@pytest.mark.parametrize("name", STAGES)
def test_what_is_missing_adds_nothing_and_breaks_nothing(name, missing, stage_parts):
    parts = learned(*stage_parts(name), batch(WITHOUT[missing]))
    assert not [part for part in lacking(WITHOUT[missing]) & set(parts) if parts[part].item() != 0]
    if missing == "anything":
        assert parts["loss"].item() == 0


@pytest.mark.parametrize("missing", WITHOUT)
def test_the_published_form_of_the_losses_lacks_nothing_either(missing, stage_parts):
    parts = learned(*stage_parts("detector", form="published"), batch(WITHOUT[missing]))
    assert not [part for part in lacking(WITHOUT[missing]) & set(parts) if parts[part].item() != 0]


@pytest.mark.parametrize("name", ["detector", "generator"])
def test_an_image_without_targets_changes_nothing_for_its_neighbour(name, stage_parts):
    model, objective = stage_parts(name)
    model.eval()
    try:
        alone = learned(model, objective, batch(MIMIC))
        beside = learned(model, objective, batch(MIMIC, Annotations()))
    finally:
        objective.prepare(model)
    assert {part: value.item() for part, value in beside.items()} == pytest.approx(
        {part: value.item() for part, value in alone.items()}, rel=1e-4, abs=1e-6
    )


@pytest.mark.parametrize("missing", ["anything", "labels", "all but one region"])
def test_regions_asked_by_box_may_be_missing_too(missing, stage_parts):
    learned(*stage_parts("generator", box_query_share=1.0), batch(WITHOUT[missing]))


def test_a_draw_of_groups_alone_has_no_boxes_to_ask_for(tiny_model_dir, monkeypatch):
    model, objective = built("post-decoder", tiny_model_dir, box_query_share=1.0)
    monkeypatch.setattr("jobs.training.stages.post_decoder.boxed_regions", lambda targets: None)
    assert learned(model, objective, batch(dataclasses.replace(MIMIC, sentences=())))["loss"].item() == 0


def test_validation_does_not_count_a_loss_that_no_batch_has(tiny_model_dir):
    model, objective = built("detector", tiny_model_dir)
    full, empty = batch(MIMIC, MIMIC), batch(Annotations(), Annotations())
    alone = stage_of("detector").validate(model, objective, [full]).figures
    assert (
        stage_of("detector").validate(model, objective, [full, empty]).figures["image_report"] == alone["image_report"]
    )
