"""The detector stage for learned class queries: the same draws, losses, weights and loop, no sentence."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from chex.model.pretrained import PretrainedParts
from chex.model_config import architecture
from chex.training_config import TrainingConfig
from chex.vocabulary import Vocabulary
from jobs.benchmarking.baselines.supervised_detector import ClassSession
from jobs.benchmarking.supervised.model import ClassClassifier, ClassDetector
from jobs.training.process import ALONE, Process
from jobs.training.stages import Stage, detector
from jobs.training.whole_batch import WholeBatch


class Objective(detector.Objective):
    """Findings and regions with their boxes and labels."""

    shows_boxes = False
    trained = ("image_encoder", "detector", "classes")

    def __init__(self, config, model: ClassDetector, vocabulary: Vocabulary) -> None:
        super().__init__(config, model, vocabulary)
        self.classifier = ClassClassifier(model)

    def _hinted_targets(self, whole: WholeBatch, generator) -> None:
        """A class has no side that it could be asked on, and no other wording."""

    def forget_texts(self, model: ClassDetector) -> None:
        """Knows none."""

    def _sentences(self, model, whole: WholeBatch, images, targets) -> dict[str, Tensor]:
        return {}


class ClassStage(Stage):
    """What `jobs.training.driver.train` needs of a stage, as its `stage_of`."""

    def __init__(self, name: str = "detector") -> None:
        self.name = name
        self._objective = Objective

    def build(
        self,
        config: TrainingConfig,
        preset: str,
        init: str | Path | None,
        data_uri: str,
        vocabulary: Vocabulary,
        pretrained: PretrainedParts | None = None,
        process: Process = ALONE,
    ) -> tuple[ClassDetector, Objective]:
        """An untrained model in the preset's architecture, and the objective."""
        torch.manual_seed(config.seed)
        training = {"steps": config.optimizer.steps, "seed": config.seed, "preset": preset}
        model = ClassDetector(architecture(preset, config.model), {"training": training})
        return model, self.objective(config, model, vocabulary, process)

    def session(self, model: ClassDetector) -> ClassSession:
        """What evaluation tasks ask."""
        return ClassSession(model)
