"""Configuration: everything is read, and everything that is wrong is said at once."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Literal

import pytest

from chex.config import ConfigError, check, flatten, from_mapping, load, to_mapping, with_overrides
from chex.objective_config import LossWeights, ObjectiveConfig
from chex.training_config import AugmentationConfig, DataConfig, OptimizerConfig, TrainingConfig


@dataclass(frozen=True)
class Inner:
    size: int = 3
    ratio: float | None = None

    def problems(self) -> list[str]:
        return [] if self.size > 0 else [f"size: expected above 0, found {self.size}"]


@dataclass(frozen=True)
class Outer:
    name: str
    kind: Literal["a", "b"] = "a"
    pair: tuple[float, float] = (0.0, 1.0)
    names: tuple[str, ...] = ()
    inner: Inner = field(default_factory=Inner)
    other: Inner | None = None
    weights: dict[str, float] = field(default_factory=dict)
    active: bool = False


def test_a_file_with_overrides_gives_the_dataclass(tmp_path):
    file = tmp_path / "config.yaml"
    file.write_text("name: x\npair: [1, 1e-4]\nnames: [p, q]\ninner: {size: 4}\nother: {ratio: 2}\n")
    config = load(Outer, file, ["inner.ratio=5e-1", "weights.box=2", "active=true", "kind=b"])
    assert config == Outer(
        name="x", kind="b", pair=(1.0, 1e-4), names=("p", "q"), inner=Inner(4, 0.5), other=Inner(ratio=2.0),
        weights={"box": 2.0}, active=True,
    )  # fmt: skip
    assert isinstance(config.pair[0], float)


def test_an_empty_file_keeps_the_defaults(tmp_path):
    file = tmp_path / "config.yaml"
    file.write_text("")
    assert load(Inner, file) == Inner() == load(Inner)


def test_every_problem_is_reported_at_once():
    bad = {
        "kind": "c",
        "pair": [1],
        "inner": {"size": 0},
        "names": "p",
        "other": {"ratoi": 2},
        "active": 1,
        "nmae": "x",
    }
    with pytest.raises(ConfigError) as caught:
        from_mapping(Outer, bad)
    text = str(caught.value)
    assert len(caught.value.problems) == 8
    assert "nmae: no such key; did you mean name?" in text
    assert "name: missing, expected a text" in text
    assert "kind: expected 'a' or 'b', found 'c'" in text
    assert "pair: expected a list of 2 values" in text
    assert "inner.size: expected above 0, found 0" in text
    assert "names: expected a list of a text, found 'p'" in text
    assert "other.ratoi: no such key; did you mean other.ratio? (valid: ratio, size)" in text
    assert "active: expected true or false, found 1" in text


@pytest.mark.parametrize("value", [True, "3", 3.0, None, [3]])
def test_a_whole_number_is_only_a_whole_number(value):
    with pytest.raises(ConfigError, match="size: expected a whole number"):
        from_mapping(Inner, {"size": value})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), True, "much", [1.0]])
def test_a_number_is_finite_and_no_truth_value(value):
    with pytest.raises(ConfigError, match="ratio: expected a finite number or nothing"):
        from_mapping(Inner, {"ratio": value})


def test_bad_overrides_and_files_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="expected KEY=VALUE"):
        load(Inner, overrides=["size"])
    with pytest.raises(ConfigError, match="is not a value"):
        load(Inner, overrides=["size=[1"])
    (tmp_path / "list.yaml").write_text("[1, 2]")
    with pytest.raises(ConfigError, match="expected key-value pairs, found list"):
        load(Inner, tmp_path / "list.yaml")
    (tmp_path / "broken.yaml").write_text("a: [1")
    with pytest.raises(ConfigError, match="not valid YAML"):
        load(Inner, tmp_path / "broken.yaml")
    with pytest.raises(FileNotFoundError):
        load(Inner, tmp_path / "absent.yaml")


def test_a_mapping_survives_json_and_comes_back():
    config = TrainingConfig(data=DataConfig(oversample="equal"), optimizer=OptimizerConfig(lr=3e-4))
    assert from_mapping(TrainingConfig, json.loads(json.dumps(to_mapping(config)))) == config


def test_flatten_gives_dotted_keys():
    flat = flatten(Outer(name="x", weights={"box": 1.0}))
    assert flat["inner.size"] == 3 and flat["weights.box"] == 1.0 and flat["pair"] == [0.0, 1.0]


def test_overrides_are_checked_against_the_whole():
    config = with_overrides(TrainingConfig(), ["optimizer.steps=10", "optimizer.warmup_steps=2"])
    assert (config.optimizer.steps, config.optimizer.warmup_steps) == (10, 2)
    with pytest.raises(ConfigError, match="warmup_steps"):
        with_overrides(config, ["optimizer.steps=1"])


@pytest.mark.parametrize(
    "config",
    [
        OptimizerConfig(lr=0.0),
        OptimizerConfig(final_lr=1.0),
        OptimizerConfig(betas=(0.9, 1.0)),
        OptimizerConfig(clip_norm=0.0),
        AugmentationConfig(crop_area=(0.0, 1.0)),
        AugmentationConfig(crop_area=(0.9, 0.5)),
        AugmentationConfig(flip=1.5),
        AugmentationConfig(scale=(0.0, 1.0)),
        AugmentationConfig(blur_sigma=(1.0, 0.5)),
        ObjectiveConfig(label_sets=("vindr", "vindr-image")),
        ObjectiveConfig(label_sets=("chexper",)),
        ObjectiveConfig(most_boxed_findings=-1),
        ObjectiveConfig(weights=LossWeights(anatomy_boxes=-0.1)),
        DataConfig(batch_size=0),
        DataConfig(oversample={"vindr-cxr": 0}),
        DataConfig(fit="squash"),
        TrainingConfig(stage="all"),
        TrainingConfig(workers=-1),
        TrainingConfig(workers=3, data=DataConfig(batch_size=32)),
        TrainingConfig(patience=0),
    ],
)
def test_impossible_training_values_are_refused(config):
    with pytest.raises(ConfigError):
        check(config)


def test_a_number_beyond_all_bounds_is_a_problem_like_any_other():
    with pytest.raises(ConfigError, match="lr: expected a finite number"):
        from_mapping(OptimizerConfig, {"lr": 10**400})


def test_the_defaults_are_possible():
    check(TrainingConfig())
