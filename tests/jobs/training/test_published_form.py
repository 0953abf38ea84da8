"""The losses as the paper's authors average them, beside ours."""

from __future__ import annotations

import copy

import pytest
import torch

from chex.records import Annotations, PathologyLabel
from tests.jobs.training.test_stages import MIMIC, VINDR, batch, built

ABSENT = Annotations(pathology_labels=(PathologyLabel("vindr/Cardiomegaly", 0),))
UNEQUAL = batch(MIMIC, VINDR, ABSENT)  # two findings are known of one image, one of the other


@pytest.mark.parametrize(
    ("name", "expected"),
    [("detector", {"anatomy_classes", "pathology_classes"}), ("post-decoder", {"anatomy_classes"})],
)
def test_the_published_form_differs_where_it_says(name, expected, tiny_model_dir):
    model, ours = built(name, tiny_model_dir, box_query_share=0.0)
    published = copy.copy(ours)
    published.as_published = True
    model.eval()  # without dropout only the form differs
    parts = [form(model, UNEQUAL, torch.Generator().manual_seed(0)) for form in (ours, published)]
    assert set(parts[0]) == set(parts[1])
    changed = {part for part in parts[0] if part != "loss" and not torch.allclose(parts[0][part], parts[1][part])}
    assert expected <= changed
    assert all(torch.isfinite(part) for part in parts[1].values())


def test_the_form_is_read_from_the_configuration(tiny_model_dir):
    assert not built("detector", tiny_model_dir)[1].as_published
    assert built("detector", tiny_model_dir, form="published")[1].as_published


def test_the_published_form_on_one_image_without_any_finding(tiny_model_dir):
    model, objective = built("detector", tiny_model_dir, form="published")
    parts = objective(model, batch(ABSENT), torch.Generator().manual_seed(0))
    assert parts["pathology_boxes"].item() == 0 and torch.isfinite(parts["loss"])
    parts["loss"].backward()
