"""Architecture options: read against a preset, recorded, checked on resume, and what becomes of a model that starts a run."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from chex import vocabulary
from chex.config import ConfigError
from chex.model.chex import Chex
from chex.model_config import architecture, tiny
from chex.training_config import DataConfig, OptimizerConfig, TrainingConfig
from jobs.train import configuration
from jobs.training.driver import train
from jobs.training.stages import stage_of
from tests.jobs.training.test_stages import FULL

ONE_BOX = {"detector": {"boxes_per_prompt": 1}}
NO_SKIP = {"detector": {"skip_connection": False}}


def config(model: dict, stage: str = "detector", **changes) -> TrainingConfig:
    return TrainingConfig(stage=stage, data=DataConfig(batch_size=2, image_size=128), model=model, workers=0, **changes)


def built(folder, model: dict, stage: str = "detector"):
    return stage_of(stage).build(config(model, stage), "tiny", folder, "", vocabulary.load())


@pytest.fixture(scope="module")
def untrained(tiny_model_dir, tmp_path_factory):
    """A model whose detector no stage has trained yet."""
    folder = tmp_path_factory.mktemp("contrastive") / "model"
    model, _ = built(tiny_model_dir, {}, "contrastive")
    model.save(folder)
    return folder


def test_options_change_a_preset_and_nothing_else():
    assert architecture("tiny") == tiny()
    changed = architecture("tiny", ONE_BOX)
    assert changed == dataclasses.replace(tiny(), detector=dataclasses.replace(tiny().detector, boxes_per_prompt=1))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"detector": {"boxes": 1}}, r"model\.detector\.boxes: no such key.*valid: .*boxes_per_prompt"),
        ({"decoder": {"layers": 1}}, r"model\.decoder: no such key.*valid: detector"),
        ({"detector": {"boxes_per_prompt": "one"}}, r"model\.detector\.boxes_per_prompt: expected a whole number"),
        ({"detector": {"boxes_per_prompt": 0}}, r"model\.detector\.boxes_per_prompt: expected at least 1"),
        ({"detector": 1}, r"model\.detector: expected key-value pairs"),
        ({"image_encoder": {"width": 130}}, r"model\.image_encoder\.width: must be a multiple of heads"),
    ],
)
def test_impossible_options_are_refused_by_name_before_a_run_starts(options, message, tmp_path):
    with pytest.raises(ConfigError, match=message):
        train(config(options), data_uri=tmp_path, output=tmp_path / "out", tracking_uri="none")
    assert not any(tmp_path.iterdir())


def test_a_part_that_nobody_has_trained_starts_anew_in_the_shape_asked_for(untrained):
    before = Chex.load(untrained).state_dict()
    model, objective = built(untrained, ONE_BOX)
    after = model.state_dict()
    same = {
        name for name in before if before[name].shape == after[name].shape and torch.equal(before[name], after[name])
    }
    assert {name.split(".")[0] for name in set(before) - same} == {"detector"}
    assert after["detector.region_tokens"].shape == (1, 128)
    found = model.detect(model.encode_images(torch.as_tensor(FULL["images"])), model.text_features(["heart"])[None])
    assert found.boxes_cxcywh.shape == (3, 1, 1, 4)
    parts = objective(model, FULL, torch.Generator().manual_seed(0))
    assert torch.isfinite(parts["loss"]) and parts["anatomy_boxes"] > 0 and parts["pathology_boxes"] > 0
    assert model.provenance["training"][-1]["model"] == ONE_BOX and "model" not in model.provenance["training"][0]


def test_later_stages_keep_the_architecture_and_the_weights(untrained, tmp_path):
    built(untrained, ONE_BOX)[0].save(tmp_path / "detector")
    for options in ({}, ONE_BOX, {"generator": {"vocabulary_size": 4096}}):  # the tokenizers stay
        model, _ = built(tmp_path / "detector", options, "post-decoder")
        assert model.config.detector.boxes_per_prompt == 1
        before = Chex.load(tmp_path / "detector").state_dict()
        assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_the_paper_leaves_out_more_box_features_before_the_generator_learns(tiny_model_dir, tmp_path):
    folder, dropped = tiny_model_dir, {}
    for stage in ("post-decoder", "sentences", "generator"):
        before = Chex.load(folder).post_decoder.state_dict()
        model, _ = built(folder, configuration("base", stage).model, stage)
        assert all(torch.equal(value, before[name]) for name, value in model.post_decoder.state_dict().items())
        dropped[stage] = model.post_decoder.config.box_drop
        folder = tmp_path / stage
        model.save(folder)
    assert dropped == {"post-decoder": 0.3, "sentences": 0.3, "generator": 0.1}


def test_trained_parts_are_never_thrown_away(untrained, tiny_model_dir, tmp_path):
    built(untrained, {})[0].save(tmp_path / "detector")
    for start, stage in (
        (tmp_path / "detector", "detector"),
        (tiny_model_dir, "detector"),
        (untrained, "post-decoder"),
    ):
        with pytest.raises(ValueError, match="the detector of .* would start anew"):
            built(start, ONE_BOX, stage)
    with pytest.raises(ValueError, match="the detector of .* would start anew"):
        train(config(ONE_BOX), data_uri=tmp_path, output=tmp_path / "new", init=tiny_model_dir, tracking_uri="none")


def test_without_the_skip_connection_features_come_from_under_the_box_alone(untrained):
    model, _ = built(untrained, NO_SKIP)
    model.eval()
    images = model.encode_images(torch.as_tensor(FULL["images"]))
    prompts = model.text_features(["heart", "right lung"])[None]
    found = model.detect(images, prompts)
    boxes = found.boxes_cxcywh[:, :, 0]
    torch.testing.assert_close(found.box_features[:, :, 0], model.describe_boxes(images, boxes).box_features[:, :, 0])
    torch.testing.assert_close(
        model.describe_boxes(images, boxes, prompts).tokens, model.describe_boxes(images, boxes).tokens
    )
    usual = Chex.load(untrained)
    assert not torch.allclose(usual.detect(images, prompts).box_features, found.box_features)
    assert torch.equal(usual.detect(images, prompts).boxes_cxcywh, found.boxes_cxcywh), "same weights, same boxes"
    model.train()
    detector = model.detector
    pooled, decoded = torch.zeros(2, 3, 3, 128), torch.ones(2, 3, 3, 128)
    assert not any(detector._with_skip(pooled, decoded, None).any() for _ in range(20))


def test_another_architecture_is_not_gone_on_with(untrained, tmp_path):
    from tests.pipelines.small_shards import write_shards

    uri = write_shards(tmp_path / "shards", {("words", "train"): 4, ("words", "validate"): 2})
    short = {"validate_every": 0, "optimizer": OptimizerConfig(steps=1, warmup_steps=0)}
    arguments = {"data_uri": uri, "output": tmp_path / "out", "init": untrained, "tracking_uri": "none"}
    train(config(NO_SKIP, **short), **arguments)
    saved = Chex.load(tmp_path / "out")
    assert not saved.config.detector.skip_connection
    assert saved.provenance["training"][-1]["model"] == NO_SKIP
    with pytest.raises(ConfigError, match=r"model\.detector\.skip_connection: the interrupted run has False"):
        train(config({}, **short), resume=True, **arguments)
