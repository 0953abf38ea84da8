"""The train command: what it accepts, and that every shipped experiment is usable."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
import yaml

from chex.config import ConfigError, from_mapping, merged, to_mapping
from chex.model_config import architecture
from chex.training_config import STAGES, TrainingConfig
from jobs import train
from jobs.training.checks import check_watch

FOLDER = Path(train.__file__).parent / "experiments"
OF_ANOTHER_COMMAND = {"phantom_benchmark.yaml"}  # tests/jobs/benchmarking
EXPERIMENTS = sorted(file for file in FOLDER.rglob("*.yaml") if file.name not in OF_ANOTHER_COMMAND)


@pytest.mark.parametrize("preset", ["tiny", "base"])
@pytest.mark.parametrize("stage", STAGES)
def test_every_preset_has_every_stage(preset, stage):
    config = train.configuration(preset, stage, overrides=["optimizer.lr=0.25"], workers=2)
    assert (config.stage, config.optimizer.lr, config.workers) == (stage, 0.25, 2)


@pytest.mark.parametrize("file", EXPERIMENTS, ids=lambda path: path.relative_to(FOLDER).as_posix())
def test_every_experiment_says_its_command(file):
    head = [line for line in file.read_text().splitlines() if line.startswith("#")]
    arguments = train._parser().parse_args(head[0].removeprefix("# python -m jobs.train ").split())
    named = arguments.config or f"{arguments.preset}-{arguments.stage}"
    assert str(named) == file.relative_to(FOLDER).with_suffix("").as_posix(), "the command takes this file"
    config = train.configuration(
        arguments.preset, arguments.stage, file=arguments.config, overrides=arguments.set, workers=arguments.workers
    )
    assert config == train.configuration(
        arguments.preset, arguments.stage, file=file, overrides=arguments.set, workers=arguments.workers
    )
    assert any(line.startswith("# Duration and result: ") for line in head)
    check_watch(config)
    architecture(arguments.preset, config.model)


@pytest.mark.parametrize(
    ("stage", "epochs", "epoch"),
    [("detector", 50, 2 * 227_382), ("post-decoder", 200, 227_382), ("generator", 20, 227_382)],
)
def test_the_base_preset_trains_for_the_papers_epochs(stage, epochs, epoch):
    config = train.configuration("base", stage)
    images = config.data.batch_size
    assert config.optimizer.steps == epochs * epoch // images
    assert config.validate_every == epoch // images, "once an epoch"
    assert f"{config.optimizer.steps:,} steps" in (FOLDER / f"base-{stage}.yaml").read_text()


@pytest.mark.parametrize("preset", ["tiny", "base"])
@pytest.mark.parametrize("file", sorted(FOLDER.glob("ablations/*.yaml")), ids=lambda path: path.stem)
def test_ablations_change_every_stage_of_every_preset_alike(file, preset):
    only = yaml.safe_load(file.read_text())
    assert only.pop("extends") == "preset"
    assert not only.keys() - {"objective", "model"}
    for stage in STAGES:
        changed = to_mapping(train.configuration(preset, stage, file=f"ablations/{file.stem}"))
        assert changed == to_mapping(
            from_mapping(TrainingConfig, merged(to_mapping(train.configuration(preset, stage)), only))
        )
        assert architecture(preset, changed["model"])


def test_a_file_extends_the_preset_only(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("extends: preset\noptimizer: {steps: 60}\n")
    usual, mine = train.configuration("tiny", "detector"), train.configuration("tiny", "detector", file=file)
    assert mine == replace(usual, optimizer=replace(usual.optimizer, steps=60))
    file.write_text("extends: tiny-detector\n")
    with pytest.raises(ConfigError, match="extends: expected 'preset'.*found 'tiny-detector'"):
        train.configuration("tiny", "detector", file=file)


def test_the_images_have_the_size_the_model_takes():
    from chex.model_config import PRESETS

    for preset, build in PRESETS.items():
        for stage in STAGES:
            assert train.configuration(preset, stage).data.image_size == build().image_encoder.image_size


def test_unknown_presets_and_keys_are_named():
    with pytest.raises(ValueError, match="no experiment huge-detector; there are base-contrastive"):
        train.configuration("huge", "detector")
    with pytest.raises(ValueError, match="no experiment nothing; there are base-contrastive"):
        train.configuration("tiny", "detector", file="nothing")
    with pytest.raises(ConfigError, match="optimizer.learning_rate: no such key"):
        train.configuration("tiny", "detector", overrides=["optimizer.learning_rate=1"])


def test_the_command_refuses_with_a_status(tmp_path, capsys):
    common = ["--data", str(tmp_path / "nothing"), "--output", str(tmp_path / "model")]
    assert train.main(["--stage", "detector", *common, "--workers", "0", "--tracking-uri", "none"]) == 2
    assert train.main(["--stage", "detector", *common, "--set", "optimizer.steps=0"]) == 2
    with pytest.raises(SystemExit):
        train.main(["--stage", "everything", *common])


def test_a_misspelled_figure_to_watch_is_found_before_the_start(tmp_path, caplog):
    common = ["--data", str(tmp_path / "nothing"), "--output", str(tmp_path / "model"), "--tracking-uri", "none"]
    assert train.main(["--stage", "detector", *common, "--set", "watch=los"]) == 2
    assert "watch: expected null or one of anatomy_boxes" in caplog.text and not any(tmp_path.iterdir())


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_there_is_not_is_refused_before_the_start(tmp_path, caplog):
    common = ["--stage", "detector", "--data", str(tmp_path), "--output", str(tmp_path / "run"), "--workers", "0"]
    assert train.main([*common, "--device", "cuda"]) == 2
    assert "--device cuda: expected a GPU of this machine, found none" in caplog.text
    assert not (tmp_path / "run").exists()
