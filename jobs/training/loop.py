"""The training loop, the same for every stage, one process or several: steps, checks, checkpoints.

Everything random in a step is drawn from (seed, step, process), so a resumed run goes on exactly as it would have.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from chex.training_config import TrainingConfig
from jobs.training.averages import Averages
from jobs.training.checkpoint import Checkpoints
from jobs.training.process import Process
from jobs.training.schedule import learning_rate

Batch = Mapping[str, Any]


class Objective(Protocol):
    def __call__(self, model: nn.Module, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """Named loss parts and their weighted sum under "loss"."""

    def trainable(self, model: nn.Module) -> list[Any]:
        """Parameters, or parameter groups; a group's "lr_factor" multiplies the learning rate."""


class Stage(Protocol):
    """What the loop needs of a stage; it may also have `pictures(model, objective, batches) -> {name: PIL image}`."""

    name: str

    def validate(self, model: nn.Module, objective: Objective, batches: Iterable[Batch]) -> dict[str, float]: ...


class Tracker(Protocol):
    def metrics(self, step: int, values: Mapping[str, float]) -> None: ...


@dataclass(slots=True)
class Progress:
    """Where a run is. `best` is the best value of the watched figure so far, `since_best` the validations after it."""

    step: int = 0
    best: float | None = None
    since_best: int = 0
    figures: dict[str, float] = field(default_factory=dict)  # of the last validation


class _Step(nn.Module):
    """Model and objective as one module, so that gradients of several processes meet wherever the objective reaches."""

    def __init__(self, model: nn.Module, objective: Objective) -> None:
        super().__init__()
        self.model, self.objective = model, objective

    def forward(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        return self.objective(self.model, batch, generator)


def run(
    config: TrainingConfig,
    stage: Stage,
    model: nn.Module,
    objective: Objective,
    *,
    batches: Callable[[int], Iterator[Batch]],
    validation: Callable[[], Iterable[Batch]] | None,
    checkpoints: Checkpoints,
    trackers: Iterable[Tracker] = (),
    process: Process = Process(),  # noqa: B008 (frozen)
) -> Progress:
    """Trains until `config.optimizer.steps`, going on from the last checkpoint if there is one.

    batches: gives the batches from a step on. validation: gives the validation batches; only the leading process
    reads them, but every process has to know that there are some.
    Raises Diverged where a loss or gradient is not finite, before it reaches weights or checkpoints; ValueError if
    the watched figure is not among the validation's.
    """
    return _Run(config, stage, model, objective, validation, checkpoints, tuple(trackers), process).to_end(batches)


class _Run:
    def __init__(self, config, stage, model, objective, validation, checkpoints, trackers, process) -> None:
        self.config, self.stage, self.model, self.objective = config, stage, model, objective
        self.validation, self.checkpoints, self.trackers, self.process = validation, checkpoints, trackers, process
        self.module = process.wrap(_Step(model, objective))
        c = config.optimizer
        self.optimizer = torch.optim.AdamW(
            objective.trainable(model), lr=c.lr, betas=c.betas, weight_decay=c.weight_decay, fused=True
        )
        self.parameters = [parameter for group in self.optimizer.param_groups for parameter in group["params"]]
        self.progress = Progress()
        if state := checkpoints.load():
            model.load_state_dict(state["model"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.progress = Progress(**state["progress"])

    def to_end(self, batches: Callable[[int], Iterator[Batch]]) -> Progress:
        c, start = self.config, self.progress.step
        averages = Averages()
        if start == c.optimizer.steps or self._out_of_patience():
            return self.progress
        given = batches(start)
        for step in range(start, c.optimizer.steps):
            began = time.perf_counter()
            batch = next(given, None)
            if batch is None:
                raise RuntimeError(f"stage {self.stage.name}: the data ended before step {step} of {c.optimizer.steps}")
            waited = time.perf_counter() - began
            values = self._update(step, batch)
            averages.add(values, samples=len(batch["samples"]) * self.process.size, waited=waited, began=began)
            self.progress.step = done = step + 1
            last = done == c.optimizer.steps
            if last or done == start + 1 or _due(done, c.log_every):
                self._track(done, averages.summary())
                averages = Averages()
            stops = False
            if self.validation is not None and (last or _due(done, c.validate_every)):
                stops = self._validate(done)
            if last or stops or _due(done, c.checkpoint_every):
                self._checkpoint(done)
            if stops:
                break
        return self.progress

    def _update(self, step: int, batch: Batch) -> dict[str, Tensor]:
        c = self.config.optimizer
        seeds = np.random.SeedSequence((self.config.seed, step, self.process.rank)).generate_state(2, np.uint64) >> 1
        torch.manual_seed(int(seeds[0]))
        generator = torch.Generator().manual_seed(int(seeds[1]))
        rate = learning_rate(c, step)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group.get("lr_factor", 1.0)
        self.optimizer.zero_grad(set_to_none=True)
        with torch.autocast(self.process.device.type, torch.bfloat16, enabled=self.config.precision == "bf16"):
            parts = self.module(batch, generator)
        parts["loss"].backward()
        norm = torch.nn.utils.clip_grad_norm_(self.parameters, math.inf if c.clip_norm is None else c.clip_norm)
        finite = torch.isfinite(parts["loss"].detach()) & torch.isfinite(norm)
        self.process.stop_together(None if finite else self._trouble(step, batch, parts, norm))
        self.optimizer.step()
        values = {f"train/{name}": value.detach() for name, value in parts.items()}
        return {**values, "gradient_norm": norm, "learning_rate": torch.tensor(rate)}

    def _trouble(self, step: int, batch: Batch, parts: Mapping[str, Tensor], norm: Tensor) -> str:
        losses = ", ".join(f"{name} {value.item():.4g}" for name, value in parts.items())
        samples = ", ".join(sample.study.public_id for sample in batch["samples"])
        return (
            f"stage {self.stage.name}, step {step + 1}: a loss or the gradient is not finite "
            f"({losses}; gradient norm {norm.item():.4g}) on samples {samples} (hashes of their sample_id). "
            f"The weights of the last checkpoint (step {self.checkpoints.last_step}) are untouched; a lower optimizer.lr, a longer optimizer.warmup_steps "
            "or precision=fp32 usually helps"
        )

    def _validate(self, step: int) -> bool:
        """Watches the figures; True if the run should stop early (in every process)."""
        c, progress = self.config, self.progress
        if self.process.leads:
            began = time.perf_counter()
            found = self.stage.validate(self.model, self.objective, self._validation_batches())
            progress.figures = {name: float(value) for name, value in found.items()}
            figures = {f"validate/{name}": value for name, value in progress.figures.items()}
            self._track(step, {**figures, "validate/seconds": time.perf_counter() - began})
            self._show(step)
            if c.watch is not None:
                self._compare(c.watch)
        return bool(self.process.share(float(self._out_of_patience())))

    def _out_of_patience(self) -> bool:
        return self.config.patience is not None and self.progress.since_best >= self.config.patience

    def _compare(self, name: str) -> None:
        progress = self.progress
        if name not in progress.figures:
            raise ValueError(f"watch: no validation figure {name!r}; there are {', '.join(sorted(progress.figures))}")
        value, sign = progress.figures[name], 1 if self.config.watch_mode == "max" else -1
        if math.isfinite(value) and (progress.best is None or sign * value > sign * progress.best):
            progress.best, progress.since_best = value, 0
            self.checkpoints.save_best(self.model.state_dict())
        else:
            progress.since_best += 1

    def _show(self, step: int) -> None:
        pictures = getattr(self.stage, "pictures", None)
        takers = [tracker for tracker in self.trackers if hasattr(tracker, "pictures")]
        if pictures and takers:
            images = pictures(self.model, self.objective, self._validation_batches())
            for tracker in takers:
                tracker.pictures(step, images)

    def _validation_batches(self) -> Iterator[Batch]:
        for number, batch in enumerate(self.validation()):
            if self.config.validation_batches is not None and number >= self.config.validation_batches:
                return
            yield batch

    def _checkpoint(self, step: int) -> None:
        if self.process.leads:
            p = self.progress
            plain = {"step": p.step, "best": p.best, "since_best": p.since_best, "figures": dict(p.figures)}
            state = {"model": self.model.state_dict(), "optimizer": self.optimizer.state_dict(), "progress": plain}
            self.checkpoints.save(step, state)

    def _track(self, step: int, values: Mapping[str, float]) -> None:
        for tracker in self.trackers:
            tracker.metrics(step, values)


def _due(step: int, every: int) -> bool:
    return every > 0 and step % every == 0
