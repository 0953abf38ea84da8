"""The settings of a benchmark (jobs/experiments/phantom_benchmark.yaml) and what follows from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from chex.config import from_mapping, load, merged, read_mapping
from chex.training_config import STAGES, TrainingConfig
from jobs.train import experiment

BASELINES = ("mean-box", "supervised-detector", "similarity-maps", "retrieval", "commonest")


@dataclass(frozen=True, slots=True)
class BenchmarkData:
    """How many phantoms of each split, from which seed, and how many pixels their longer side has."""

    train: int = 4000
    validate: int = 400
    test: int = 600
    seed: int = 2026
    image_size: int = 256


@dataclass(frozen=True, slots=True)
class BenchmarkConfig:
    """`stages` and `supervised_detector` hold what differs from the preset's own experiment files.

    tasks: a group or names of evaluation tasks, as `jobs.evaluate` takes them. bootstrap: draws of every figure.
    """

    preset: str = "tiny"
    data: BenchmarkData = field(default_factory=BenchmarkData)
    stages: dict[str, Any] = field(default_factory=dict)
    supervised_detector: dict[str, Any] = field(default_factory=dict)
    baselines: tuple[str, ...] = BASELINES
    tasks: str = "paper"
    bootstrap: int = 1000

    def problems(self) -> list[str]:
        found = [
            f"{key}: expected one of {', '.join(known)}, found {name!r}"
            for key, names, known in (("stages", self.stages, STAGES), ("baselines", self.baselines, BASELINES))
            for name in names
            if name not in known
        ]
        if self.bootstrap < 2:
            found.append(f"bootstrap: expected at least 2 draws, found {self.bootstrap}")
        return found

    def stage(self, name: str) -> TrainingConfig:
        """One of Chex-Ray's stages. Raises ConfigError for settings that cannot be."""
        return self._training(name, self.stages.get(name, {}), f"stages.{name}")

    def detector(self) -> TrainingConfig:
        """The detector without text: Chex-Ray's detector stage, and the steps of its contrastive stage on top.

        It has no towers to begin with, so that it sees as many images as they and the detector did.
        """
        changes = merged(self.stages.get("detector", {}), self.supervised_detector)
        given = changes.get("optimizer", {})
        if "steps" not in self.supervised_detector.get("optimizer", {}):
            steps = sum(self.stage(name).optimizer.steps for name in ("contrastive", "detector"))
            changes = merged(changes, {"optimizer": {**given, "steps": steps}})
        return self._training("detector", changes, "supervised_detector")

    def check(self) -> None:
        """Raises ConfigError, ValueError for anything that a training would stumble over later."""
        for stage in STAGES:
            self.stage(stage)
        self.detector()

    def _training(self, stage: str, changes: Mapping[str, Any], key: str) -> TrainingConfig:
        settings = merged(read_mapping(experiment(f"{self.preset}-{stage}")), changes)
        given = [f"stage={stage}", "workers=0"]
        return from_mapping(TrainingConfig, settings, overrides=given, source=f"the benchmark's {key}")


def benchmark_config(name: str) -> BenchmarkConfig:
    """A configuration by the name of an experiment or the path of a YAML file. Raises ConfigError, ValueError, OSError."""
    config = load(BenchmarkConfig, name if name.endswith((".yaml", ".yml")) else experiment(name))
    config.check()
    return config
