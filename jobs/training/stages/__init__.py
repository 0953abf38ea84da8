"""The five training stages (MODEL.md §5), one file each: what a step asks of the model, and which parts it trains."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor

from chex.losses.multitask import weighted_sum
from chex.model.chex import Chex
from chex.model.pretrained import PretrainedParts
from chex.training_config import STAGES, TrainingConfig
from chex.vocabulary import Vocabulary
from jobs.training.process import ALONE, Process
from jobs.training.validation import Losses, TaskFigures, Validated, mean_losses
from jobs.training.whole_batch import WholeBatch


class Stage:
    """Builds the model and its objective for one stage, checks on it and saves it."""

    def __init__(self, name: str) -> None:
        if name not in STAGES:
            raise ValueError(f"unknown stage {name!r}; there are {', '.join(STAGES)}")
        self.name = name
        self._objective = importlib.import_module(f"{__name__}.{name.replace('-', '_')}").Objective

    @property
    def trained(self) -> tuple[str, ...]:
        """The parts of the model that learn."""
        return self._objective.trained

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
        process: Process = ALONE,
    ) -> tuple[Chex, Objective]:
        """The model of `init`, or a new one, with only this stage's parts trainable, and the stage's objective."""
        from jobs.training.start import new_model, read_model, recorded

        torch.manual_seed(config.seed)
        model = read_model(init, config) if init else new_model(preset, config, data_uri, vocabulary, pretrained)
        model.generator.language_model.recomputes = config.recompute_activations
        recorded(model, config, preset=preset, data_uri=data_uri, pretrained=pretrained)
        return model, self.objective(config, model, vocabulary, process)

    def objective(
        self, config: TrainingConfig, model: Chex, vocabulary: Vocabulary, process: Process = ALONE
    ) -> Objective:
        """What this stage asks of a model, of which only its parts are left trainable."""
        objective = self._objective(config.objective, model, vocabulary)
        objective.process = process
        objective.prepare(model)
        return objective

    def validate(
        self, model: Chex, objective: Objective, batches: Iterable[Mapping[str, Any]], tasks: Sequence[str] = ()
    ) -> Validated:
        """Mean of every loss part over the batches, and the figures of evaluation tasks; training goes on after it.

        Every process takes its turn of the batches, whose draws are always the same: the figures do not depend on how
        many processes there are.
        """
        process, alone, asked = (
            objective.process,
            objective.alone(),
            TaskFigures(tasks, self.session(model) if tasks else None),
        )
        model.eval()
        losses: list[Losses] = []
        with torch.inference_mode():
            for number, batch in enumerate(batches):
                if number % process.size == process.rank:
                    parts = alone(model, batch, torch.Generator().manual_seed(number))
                    losses.append((number, len(batch["samples"]), {name: float(part) for name, part in parts.items()}))
                    asked.add(number, batch)
        objective.prepare(model)
        found = asked.of_all(process)
        means = mean_losses(chain.from_iterable(process.gather_objects(losses)))
        return Validated({**means, **found.figures}, found.classes)

    def session(self, model: Chex) -> Any:
        """What evaluation tasks ask."""
        from chex.inference.session import Session

        return Session(model)

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
    needs none. A call gives every loss part and their weighted sum under "loss". Where several processes share a batch,
    each gives the losses of all of it, and the sum of their gradients is its gradient; all need the same generator.
    """

    needs_images = True
    needs_anatomy = False
    shows_boxes = False
    trained: tuple[str, ...] = ()
    process: Process = ALONE  # which of the processes that share the batch this is
    tokens_written = 0  # so far, in all of them

    def __init__(self, config, model: Chex, vocabulary: Vocabulary) -> None:
        self.config = config
        self.vocabulary = vocabulary

    def __call__(self, model: Chex, batch: Mapping[str, Any], generator: torch.Generator) -> dict[str, Tensor]:
        raise TypeError(f"{type(self).__module__} gives no losses")

    def whole(self, batch: Mapping[str, Any]) -> WholeBatch:
        """The batch of all processes that share it."""
        return WholeBatch(self.process, [sample.annotations for sample in batch["samples"]])

    def alone(self) -> Self:
        """The same objective for batches that no other process shares."""
        objective = copy(self)
        objective.process = ALONE
        return objective

    def prepare(self, model: Chex) -> None:
        """Only the trained parts learn and run in training mode: frozen dropouts would only add noise."""
        model.eval().requires_grad_(False)
        for name in self.trained:
            getattr(model, name).train().requires_grad_(True)

    def forget_texts(self, model: Chex) -> None:
        """Encodes texts anew when they are needed next."""
        model.forget_texts()

    def summed(self, model: Chex, parts: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The parts and, under "loss", their weighted sum; of no parts a 0 that gives every trained weight a gradient."""
        if not parts:
            return {"loss": sum(p.sum() for p in model.parameters() if p.requires_grad) * 0}
        return weighted_sum(parts, asdict(self.config.weights))

    def trainable(self, model: Chex) -> list[dict[str, Any]]:
        """One group of parameters per trained part, "part" being its name; frozen ones are in none."""
        groups = [{"part": name, "params": _learning(getattr(model, name))} for name in self.trained]
        return [group for group in groups if group["params"]]


def _learning(part: torch.nn.Module) -> list[torch.nn.Parameter]:
    return [parameter for parameter in part.parameters() if parameter.requires_grad]


def stage_of(name: str) -> Stage:
    """The stage of this name; ValueError listing the stages if there is none."""
    return Stage(name)
