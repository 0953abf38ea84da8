"""Batches in parts, learning rates by part of the model, and averaged weights."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from chex.config import ConfigError, check
from jobs.training.driver import train
from jobs.training.weight_average import WeightAverage
from tests.jobs.training.made_up_stage import BrightHalf, MadeUpStage, Objective
from tests.jobs.training.test_loop import CONFIG, Interrupted, InterruptedStage
from tests.pipelines.small_shards import write_shards

QUIET = replace(CONFIG, watch=None, watch_mode="min", validate_every=20)


class QuietStage(MadeUpStage):
    """Nothing random, so that the same samples give the same gradients however they are grouped."""

    class objective(Objective):
        def __call__(self, model, batch, generator):
            model.dropout.p = 0.0
            images = torch.as_tensor(batch["images"]).float() / 255 - 0.3
            wanted = torch.tensor([s.annotations.pathology_labels[0].value for s in batch["samples"]]).float()
            return {"loss": torch.nn.functional.binary_cross_entropy_with_logits(model(images), wanted)}


@pytest.fixture(scope="module")
def uri(tmp_path_factory):
    counts = {("words", "train"): 40, ("words", "validate"): 11}
    return write_shards(tmp_path_factory.mktemp("shards"), counts)


@pytest.fixture
def weights(uri, tmp_path):
    def weights(name, stage=QuietStage, resume=False, **changes):
        config = replace(QUIET, optimizer=replace(QUIET.optimizer, **changes))
        train(config, data_uri=uri, output=tmp_path / name, stage_of=stage, tracking_uri="none", resume=resume)
        return load_file(tmp_path / name / "model.safetensors")["line.weight"]

    return weights


def test_a_batch_in_parts_teaches_what_the_whole_batch_teaches(weights):
    whole, parts = weights("whole"), weights("parts", accumulate=4)
    torch.testing.assert_close(parts, whole, rtol=0, atol=1e-6)
    assert not torch.equal(weights("half", accumulate=4, lr=5e-4), parts)


def test_parts_of_a_batch_go_on_after_an_interruption(weights):
    whole = weights("whole", stage=MadeUpStage, accumulate=2)
    InterruptedStage.validations = 1
    with pytest.raises(Interrupted):
        weights("model", stage=InterruptedStage, accumulate=2)
    assert torch.equal(weights("model", stage=MadeUpStage, accumulate=2, resume=True), whole)


def test_a_batch_that_cannot_be_cut_is_refused():
    config = replace(CONFIG, workers=2, optimizer=replace(CONFIG.optimizer, accumulate=3))
    with pytest.raises(ConfigError, match=r"multiple of workers \(2\) times optimizer.accumulate \(3\), found 8"):
        check(config)


def test_a_part_learns_at_its_own_rate(weights):
    start, common = BrightHalf, weights("common")
    torch.manual_seed(QUIET.seed)
    initial = start().line.weight.detach()
    slow = weights("slow", lr_factors={"weight": 0.01})
    assert 0 < (slow - initial).abs().max() < 0.1 * (common - initial).abs().max()


def test_the_rate_of_a_part_that_does_not_learn_is_refused(uri, tmp_path):
    config = replace(CONFIG, watch=None, optimizer=replace(CONFIG.optimizer, lr_factors={"generator": 0.5}))
    with pytest.raises(ConfigError, match="lr_factors.generator: stage detector trains image_encoder, detector"):
        train(config, data_uri=uri, output=tmp_path / "model", tracking_uri="none")


def test_the_averaged_weights_are_saved_and_survive_an_interruption(weights):
    last, averaged = weights("last", stage=MadeUpStage), weights("averaged", stage=MadeUpStage, average=0.9)
    assert not torch.allclose(last, averaged, atol=1e-4)
    InterruptedStage.validations = 1
    with pytest.raises(Interrupted):
        weights("model", stage=InterruptedStage, average=0.9)
    assert torch.equal(weights("model", stage=MadeUpStage, average=0.9, resume=True), averaged)


def test_an_average_is_that_of_its_steps():
    model = BrightHalf()
    torch.nn.init.zeros_(model.line.weight)
    average = WeightAverage(model, 0.2)
    for value in (1.0, 3.0, 2.0):
        torch.nn.init.constant_(model.line.weight, value)
        average.update()
    # the start is forgotten quickly: the first steps keep 1/10, 2/11 and then the 0.2 that was asked for
    expected = 0.8 * 2.0 + 0.2 * ((1 - 2 / 11) * 3.0 + 2 / 11 * (0.9 * 1.0))
    with average.in_place():
        torch.testing.assert_close(model.line.weight, torch.full_like(model.line.weight, expected))
    assert (model.line.weight == 2.0).all()
