"""The five training stages (MODEL.md §5), one file each: what a step asks of the model, and which parts it trains."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from chex.losses.multitask import weighted_sum
from chex.model.chex import Chex
from chex.model.pretrained import PretrainedParts
from chex.training_config import STAGES, TrainingConfig
from chex.vocabulary import Vocabulary


class Stage:
    """Builds the model and its objective for one stage, checks on it and saves it."""

    def __init__(self, name: str) -> None:
        if name not in STAGES:
            raise ValueError(f"unknown stage {name!r}; there are {', '.join(STAGES)}")
        self.name = name
        self._objective = importlib.import_module(f"{__name__}.{name.replace('-', '_')}").Objective

    @property
    def needs_images(self) -> bool:
        return self._objective.needs_images

    @property
    def needs_anatomy(self) -> bool:
        """True where images without anatomical regions have nothing to teach."""
        return self._objective.needs_anatomy

    def build(
        self,
        config: TrainingConfig,
        preset: str,
        init: str | Path | None,
        data_uri: str,
        vocabulary: Vocabulary,
        pretrained: PretrainedParts | None = None,
    ) -> tuple[Chex, Objective]:
        """The model of `init`, or a new one, with only this stage's parts trainable, and the stage's objective."""
        from jobs.training.start import new_model, read_model, recorded

        torch.manual_seed(config.seed)
        model = read_model(init, config) if init else new_model(preset, config, data_uri, vocabulary, pretrained)
        recorded(model, config, preset=preset, data_uri=data_uri, pretrained=pretrained)
        return model, self.objective(config, model, vocabulary)

    def objective(self, config: TrainingConfig, model: Chex, vocabulary: Vocabulary) -> Objective:
        """What this stage asks of a model, of which only its parts are left trainable."""
        objective = self._objective(config.objective, model, vocabulary)
        objective.prepare(model)
        return objective

    def validate(self, model: Chex, objective: Objective, batches: Iterable[Mapping[str, Any]]) -> dict[str, float]:
        """Mean of every loss part over the batches, weighted by their size, always with the same draws; training goes on after it."""
        generator = torch.Generator().manual_seed(0)
        model.eval()
        totals: dict[str, float] = {}
        counts: dict[str, int] = {}
        with torch.inference_mode():
            for batch in batches:
                size = len(batch["samples"])
                for name, value in objective(model, batch, generator).items():
                    totals[name] = totals.get(name, 0.0) + float(value) * size
                    counts[name] = counts.get(name, 0) + size
        objective.prepare(model)
        return {name: total / counts[name] for name, total in totals.items()}

    def pictures(self, model: Chex, objective: Objective, batches: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
        """Overlay pictures (PIL) of predicted boxes, by public id; none where a stage trains no boxes' features."""
        if not objective.shows_boxes:
            return {}
        from jobs.training.pictures import predicted_boxes

        drawn = predicted_boxes(model, objective.vocabulary, batches)
        objective.prepare(model)
        return drawn

    def save(self, model: Chex, folder: str | Path) -> None:
        model.save(folder)


class Objective:
    """What a stage asks of the model. A subclass names the parts it trains and computes the loss parts of a batch.

    A batch is {"images": uint8 (B, S, S), "samples": [each with `.annotations`]}; without images where the stage
    needs none. A call gives every loss part and their weighted sum under "loss".
    """

    needs_images = True
    needs_anatomy = False
    shows_boxes = False
    trained: tuple[str, ...] = ()

    def __init__(self, config, model: Chex, vocabulary: Vocabulary) -> None:
        self.config = config
        self.vocabulary = vocabulary

    def __call__(self, model: Chex, batch: Mapping[str, Any], generator: torch.Generator) -> dict[str, Tensor]:
        raise TypeError(f"{type(self).__module__} gives no losses")

    def prepare(self, model: Chex) -> None:
        """Only the trained parts learn and run in training mode: frozen dropouts would only add noise."""
        model.eval().requires_grad_(False)
        for name in self.trained:
            getattr(model, name).train().requires_grad_(True)

    def summed(self, model: Chex, parts: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The parts and, under "loss", their weighted sum; of no parts a 0 that gives every trained weight a gradient."""
        if not parts:
            return {"loss": sum(p.sum() for p in model.parameters() if p.requires_grad) * 0}
        return weighted_sum(parts, asdict(self.config.weights))

    def trainable(self, model: Chex) -> list[torch.nn.Parameter]:
        return [parameter for parameter in model.parameters() if parameter.requires_grad]


def stage_of(name: str) -> Stage:
    """The stage of this name; ValueError listing the stages if there is none."""
    return Stage(name)
