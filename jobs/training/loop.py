"""The training loop, the same for every stage, one process or several: steps, checks, checkpoints.

Everything random in a step is drawn from (seed, step, process), so a resumed run goes on exactly as it would have.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice

import numpy as np
import torch
from torch import Tensor, nn

from chex.training_config import TrainingConfig
from jobs.training.averages import Averages
from jobs.training.checkpoint import Checkpoints
from jobs.training.gradient_norms import norms_of_parts
from jobs.training.process import Process
from jobs.training.protocols import Batch, Objective, Stage, Tracker
from jobs.training.run_state import Progress, RunState
from jobs.training.schedule import learning_rate
from jobs.training.watch import Watch
from jobs.training.weight_average import WeightAverage


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
    start_step: int | None = None,
    trackers: Iterable[Tracker] = (),
    process: Process = Process(),  # noqa: B008 (frozen)
) -> Progress:
    """Trains until `config.optimizer.steps`, going on from the checkpoint of `start_step` (default: the last, if any).

    batches: gives the batches from a step on, `optimizer.accumulate` for each. validation: gives the validation
    batches, the same in every process; the stage deals them out.
    Raises Diverged where a loss or gradient is not finite, before it reaches weights or checkpoints; ValueError if
    the watched figure is not among the validation's.
    """
    trained = _Run(config, stage, model, objective, validation, checkpoints, tuple(trackers), process)
    trained.go_on_from(checkpoints.last_step if start_step is None else start_step)
    return trained.to_end(batches)


class _Run:
    def __init__(self, config, stage, model, objective, validation, checkpoints, trackers, process) -> None:
        self.config, self.stage, self.model, self.objective = config, stage, model, objective
        self.checkpoints, self.trackers, self.process = checkpoints, trackers, process
        common = {"checkpoints": checkpoints, "trackers": trackers, "process": process}
        self.watch = (
            None if validation is None else Watch(config, stage, model, objective, batches=validation, **common)
        )
        self.module = process.wrap(_Step(model, objective))
        c = config.optimizer
        self.optimizer = torch.optim.AdamW(
            objective.trainable(model), lr=c.lr, betas=c.betas, weight_decay=c.weight_decay, fused=True
        )
        self.average = None if c.average is None else WeightAverage(model, c.average)
        self.parameters = [parameter for group in self.optimizer.param_groups for parameter in group["params"]]
        self.state = RunState(model, self.optimizer, self.average)
        self._tokens = 0

    def go_on_from(self, step: int) -> None:
        """Every process from the same checkpoint: one could arrive while they look for the last."""
        if saved := self.checkpoints.load(step):
            self.state.put_back(saved)
        steps = self.process.gather_objects(step)
        if len(set(steps)) > 1:
            raise RuntimeError(
                f"stage {self.stage.name}: the processes found checkpoints of different steps "
                f"({', '.join(map(str, steps))}); another run may still be writing there"
            )
        if self.process.leads:
            self.checkpoints.forget_after(step)

    def to_end(self, batches: Callable[[int], Iterator[Batch]]) -> Progress:
        """The trained model is left with the weights that count: their average, where one is kept."""
        c, start = self.config, self.progress.step
        if start < c.optimizer.steps and not self._stops():
            self._train(batches(start))
        if self.average:
            self.average.swap()
        return self.progress

    def _stops(self) -> bool:
        return self.watch is not None and self.watch.out_of_patience(self.progress)

    @property
    def progress(self) -> Progress:
        return self.state.progress

    def _train(self, given: Iterator[Batch]) -> None:
        c, start = self.config, self.progress.step
        for step in range(start, c.optimizer.steps):
            began = time.perf_counter()
            parts = list(islice(given, c.optimizer.accumulate))
            if len(parts) < c.optimizer.accumulate:
                raise RuntimeError(f"stage {self.stage.name}: the data ended before step {step} of {c.optimizer.steps}")
            waited = time.perf_counter() - began
            values = self._update(step, parts)
            samples = sum(len(part["samples"]) for part in parts) * self.process.size
            self.state.since_logged.add(
                values, samples=samples, tokens=self._tokens_written(), waited=waited, began=began
            )
            self.progress.step = done = step + 1
            last = done == c.optimizer.steps
            if last or done == 1 or _due(done, c.log_every):
                self._track(done, self.state.since_logged.summary())
                self.state.since_logged = Averages()
            stops = False
            if self.watch is not None and (last or _due(done, c.validate_every)):
                self.watch.validate(self.progress, self.average)
                stops = bool(self.process.share(float(self._stops())))
            if last or stops or _due(done, c.checkpoint_every):
                self._checkpoint(done)
            if stops:
                break

    def _update(self, step: int, batches: Sequence[Batch]) -> dict[str, Tensor]:
        c = self.config.optimizer
        rate = learning_rate(c, step)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * c.lr_factors.get(group["part"], 1.0)
        self.optimizer.zero_grad(set_to_none=True)
        losses: dict[str, Tensor] = {}
        for number, batch in enumerate(batches):
            last = number == len(batches) - 1
            with self.process.gradients_meet(self.module, last):
                for name, value in self._gradients(step, number, batch, len(batches)).items():
                    losses[name] = losses.get(name, 0) + value / len(batches)
        norms = norms_of_parts(self.optimizer.param_groups)
        norm = torch.nn.utils.clip_grad_norm_(self.parameters, math.inf if c.clip_norm is None else c.clip_norm)
        finite = torch.isfinite(losses["loss"]) & torch.isfinite(norm)
        self.process.stop_together(None if finite else self._trouble(step, batches, losses, norm))
        self.optimizer.step()
        if self.average:
            self.average.update()
        values = {f"train/{name}": value for name, value in losses.items()}
        rates = {f"learning_rate/{part}": torch.tensor(rate * factor) for part, factor in c.lr_factors.items()}
        return {**values, "gradient_norm": norm, **norms, "learning_rate": torch.tensor(rate), **rates}

    def _tokens_written(self) -> int:
        """Since the last call, in all processes."""
        before, self._tokens = self._tokens, getattr(self.objective, "tokens_written", 0)
        return self._tokens - before

    def _gradients(self, step: int, number: int, batch: Batch, of: int) -> dict[str, Tensor]:
        """Adds a part of a step's batch to the gradients; gives its losses."""
        # what is asked is drawn alike in all processes, which share the batch; dropout differs
        own, common = (_seeds(self.config.seed, step, rank, number) for rank in (self.process.rank, 0))
        torch.manual_seed(own[0])
        generator = torch.Generator().manual_seed(common[1])
        with torch.autocast(self.process.device.type, torch.bfloat16, enabled=self.config.precision == "bf16"):
            parts = self.module(batch, generator)
        # the processes' gradients are shares of the whole batch's, and their mean is taken
        (parts["loss"] * (self.process.size / of)).backward()
        return {name: value.detach() for name, value in parts.items()}

    def _trouble(self, step: int, batches: Sequence[Batch], parts: Mapping[str, Tensor], norm: Tensor) -> str:
        losses = ", ".join(f"{name} {value.item():.4g}" for name, value in parts.items())
        samples = ", ".join(sample.study.public_id for batch in batches for sample in batch["samples"])
        return (
            f"stage {self.stage.name}, step {step + 1}: a loss or the gradient is not finite "
            f"({losses}; gradient norm {norm.item():.4g}) on samples {samples} (hashes of their sample_id). "
            f"The weights of the last checkpoint (step {self.checkpoints.last_step}) are untouched; a lower optimizer.lr, a longer optimizer.warmup_steps "
            "or precision=fp32 usually helps"
        )

    def _checkpoint(self, step: int) -> None:
        if self.process.leads:
            for tracker in self.trackers:
                if hasattr(tracker, "flush"):
                    tracker.flush()
            self.checkpoints.save(step, self.state.saved())
        # who goes on from here knows no texts, and the last digits of a text depend on those it is encoded with
        if hasattr(self.objective, "forget_texts"):
            self.objective.forget_texts(self.model)

    def _track(self, step: int, values: Mapping[str, float]) -> None:
        for tracker in self.trackers:
            tracker.metrics(step, values)


def _seeds(seed: int, step: int, rank: int, number: int) -> list[int]:
    key = (seed, step, rank, number) if number else (seed, step, rank)
    return [int(value) for value in np.random.SeedSequence(key).generate_state(2, np.uint64) >> 1]


def _due(step: int, every: int) -> bool:
    return every > 0 and step % every == 0
