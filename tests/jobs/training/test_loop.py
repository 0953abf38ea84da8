"""A whole run in this process: it learns, stops on what is not finite, and goes on where it was interrupted."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from chex.config import ConfigError
from chex.training_config import AugmentationConfig, DataConfig, OptimizerConfig, TrainingConfig
from jobs.training.driver import train
from jobs.training.journal import read_journal
from jobs.training.process import Diverged
from jobs.training.validation import Validated
from pipelines.output_folder import OutputFolder
from tests.jobs.training.made_up_stage import MadeUpStage, PoisonedStage
from tests.pipelines.small_shards import write_shards

CONFIG = TrainingConfig(
    workers=0,
    seed=5,
    log_every=1,
    validate_every=10,
    checkpoint_every=7,
    watch="accuracy",
    watch_mode="max",
    data=DataConfig(batch_size=8, image_size=32, shuffle_buffer=16),
    augmentation=AugmentationConfig(flip=0.0),
    optimizer=OptimizerConfig(lr=1e-3, warmup_steps=3, steps=25),
)


@pytest.fixture(scope="module")
def uri(tmp_path_factory):
    counts = {("words", "train"): 40, ("words", "validate"): 11}
    return write_shards(tmp_path_factory.mktemp("shards"), counts)


@pytest.fixture
def start(uri, tmp_path):
    def start(config=CONFIG, **changes):
        arguments = {"data_uri": uri, "output": tmp_path / "model", "stage_of": MadeUpStage, "tracking_uri": "none"}
        return train(config, **{**arguments, **changes})

    return start


class Interrupted(Exception):
    pass


class InterruptedStage(MadeUpStage):
    """Stops like a killed process at the validation after step 20: past the checkpoint of step 14."""

    def validate(self, model, objective, batches, tasks=()):
        figures = super().validate(model, objective, batches, tasks)
        InterruptedStage.validations = getattr(InterruptedStage, "validations", 0) + 1
        if InterruptedStage.validations == 2:
            raise Interrupted
        return figures


def losses(folder):
    entries = read_journal(OutputFolder(str(folder)))
    return [(entry["step"], entry["train/loss"]) for entry in entries if "train/loss" in entry]


def test_a_run_learns_and_leaves_a_model(start, tmp_path):
    lines = []
    outcome = start(listener=lines.append)
    assert outcome["steps"] == 25 and outcome["figures"]["accuracy"] == 1.0 == outcome["best"]
    curve = losses(tmp_path / "model.training")
    assert [step for step, _ in curve] == list(range(1, 26))
    assert curve[-1][1] < 0.3 and curve[0][1] > 0.5
    assert [entry["step"] for entry in lines if "validate/accuracy" in entry] == [10, 20, 25]
    first = next(entry for entry in lines if entry["step"] == 3)
    assert first["learning_rate"] == pytest.approx(1e-3)
    assert first["train/loss"] == pytest.approx(first["train/side"] + 1e-4 * first["train/size"], rel=1e-4)
    assert {"gradient_norm", "samples_per_second", "data_wait_seconds"} <= set(first)
    assert sorted(path.name for path in (tmp_path / "model").iterdir()) == ["config.json", "model.safetensors"]


def test_frozen_weights_stay(start, tmp_path):
    start()
    torch.manual_seed(CONFIG.seed)
    built, _ = MadeUpStage("detector").build(CONFIG, "tiny", None, "", None)
    saved = load_file(tmp_path / "model" / "model.safetensors")
    torch.testing.assert_close(saved["frozen.weight"], built.frozen.weight)
    assert not torch.equal(saved["line.weight"], built.line.weight)


def test_an_interrupted_run_goes_on_as_if_nothing_had_happened(start, tmp_path):
    start(output=tmp_path / "whole")
    InterruptedStage.validations = 0
    with pytest.raises(Interrupted):
        start(stage_of=InterruptedStage)
    assert not (tmp_path / "model").exists()
    assert [step for step, _ in losses(tmp_path / "model.training")][-1] == 20
    assert start(resume=True)["steps"] == 25
    journals = [losses(tmp_path / f"{name}.training") for name in ("whole", "model")]
    assert journals[0] == journals[1]
    weights = [load_file(tmp_path / name / "model.safetensors") for name in ("whole", "model")]
    assert weights[0].keys() == weights[1].keys()
    for name in weights[0]:
        assert torch.equal(weights[0][name], weights[1][name])


def test_a_finished_run_is_not_repeated(start, tmp_path):
    outcome = start()
    before = (tmp_path / "model" / "model.safetensors").stat().st_mtime_ns
    assert start(resume=True) == json.loads(json.dumps(outcome))
    assert (tmp_path / "model" / "model.safetensors").stat().st_mtime_ns == before


def test_going_on_with_another_configuration_is_refused(start):
    start()
    changed = replace(CONFIG, seed=6, log_every=3, optimizer=replace(CONFIG.optimizer, lr=0.5))
    with pytest.raises(ConfigError) as caught:
        start(changed, resume=True)
    assert caught.value.problems == (
        "optimizer.lr: the interrupted run has 0.001, found 0.5",
        "seed: the interrupted run has 5, found 6",
    )


def test_going_on_with_other_data_is_refused(start, uri, tmp_path):
    start()
    elsewhere = write_shards(tmp_path / "elsewhere", {("words", "train"): 20, ("words", "validate"): 5})
    with pytest.raises(ConfigError, match="data_uri: the interrupted run has .*, found .*elsewhere"):
        start(data_uri=elsewhere, resume=True)
    with pytest.raises(ConfigError, match="init: the interrupted run has None, found .*model"):
        start(init=tmp_path / "model", resume=True)


def test_an_earlier_run_is_not_overwritten(start, tmp_path):
    start()
    with pytest.raises(FileExistsError, match="--resume"):
        start()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "letter.txt").write_text("keep me")
    for resume in (False, True):  # there is nothing to go on with, and the letter is none of our business
        with pytest.raises(FileExistsError, match="is not empty"):
            start(output=tmp_path / "other", resume=resume)
    assert (tmp_path / "other" / "letter.txt").read_text() == "keep me"


def test_what_is_not_finite_stops_the_run_and_spoils_nothing(start, tmp_path):
    with pytest.raises(Diverged) as caught:
        start(replace(CONFIG, checkpoint_every=1), stage_of=PoisonedStage)
    text = str(caught.value)
    assert (
        "stage detector, step" in text and "side nan" in text and "words/3bd7f6688919" in text and "00013" not in text
    )
    assert not (tmp_path / "model").exists()
    checkpoint = sorted((tmp_path / "model.training" / "checkpoints").glob("step-*.pt"))[-1:]
    for path in checkpoint:
        state = torch.load(path, weights_only=True)
        assert all(torch.isfinite(value).all() for value in state["model"].values())


def test_patience_ends_a_run_that_no_longer_improves(start):
    outcome = start(replace(CONFIG, validate_every=2, patience=2, optimizer=replace(CONFIG.optimizer, steps=60)))
    assert outcome["best"] == 1.0 and outcome["steps"] < 30


def test_the_best_weights_are_kept_not_the_last(start, tmp_path):
    class Worse(MadeUpStage):
        values = iter([0.2, 0.9, 0.1])

        def validate(self, model, objective, batches, tasks=()):
            self.seen = [*getattr(self, "seen", []), model.line.weight.detach().clone()]
            Worse.weights = self.seen
            return Validated({"accuracy": next(self.values)})

    assert start(stage_of=Worse)["best"] == 0.9
    saved = load_file(tmp_path / "model" / "model.safetensors")["line.weight"]
    assert torch.equal(saved, Worse.weights[1]) and not torch.equal(saved, Worse.weights[2])


def test_without_a_period_what_is_watched_is_validated_at_the_end_and_nothing_else(start, tmp_path):
    config = replace(CONFIG, validate_every=0)
    assert start(config)["best"] == 1.0
    validated = [
        e["step"] for e in read_journal(OutputFolder(str(tmp_path / "model.training"))) if "validate/accuracy" in e
    ]
    assert validated == [25]
    assert start(replace(config, watch=None, watch_mode="min"), output=tmp_path / "unwatched")["figures"] == {}


def test_an_unknown_figure_to_watch_names_those_there_are(start):
    with pytest.raises(ValueError, match="no validation figure 'mAP'; there are accuracy"):
        start(replace(CONFIG, watch="mAP"))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"watch": "mAP"}, "watch: expected null or one of .*, found 'mAP'"),
        ({"watch": "pathology_map"}, "watch: expected null or one of .*, found 'pathology_map'"),
        ({"validation_tasks": ("detection",)}, "validation_tasks: unknown tasks detection; there are anatomy-loc"),
        ({"stage": "sentences", "validation_tasks": ("pathology-detection",)}, "stage sentences reads no images"),
    ],
)
def test_figures_that_no_validation_gives_are_refused(uri, tmp_path, changes, expected):
    with pytest.raises(ConfigError, match=expected):
        train(replace(CONFIG, watch=None, **changes) if "watch" not in changes else replace(CONFIG, **changes),
              data_uri=uri, output=tmp_path / "model", tracking_uri="none")  # fmt: skip
    assert not (tmp_path / "model.training").exists()


def test_the_figures_of_tasks_can_be_watched(uri, tmp_path):
    config = replace(CONFIG, watch="pathology_map", validation_tasks=("pathology-detection",))
    with pytest.raises(ValueError, match="image_size"):  # refused after the figure was accepted
        train(config, data_uri=uri, output=tmp_path / "model", tracking_uri="none")


def test_bf16_runs(start):
    assert start(replace(CONFIG, precision="bf16"))["figures"]["accuracy"] == 1.0


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"config": replace(CONFIG, precision="fp8")}, "precision: expected 'fp32' or 'bf16'"),
        ({"config": replace(CONFIG, data=replace(CONFIG.data, oversample={"nih": 2}))}, "no rows to oversample of nih"),
        ({"init": "/nowhere/at/all"}, "--init: expected the model folder"),
        ({"data_uri": "/nowhere/at/all"}, "no shard"),
    ],
)
def test_what_cannot_work_is_refused_before_it_starts(start, tmp_path, changes, expected):
    with pytest.raises((ValueError, FileNotFoundError), match=expected):
        start(**changes)
    assert not (tmp_path / "model.training" / "checkpoints").exists()
