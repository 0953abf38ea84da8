"""Validation inside training: its figures, the best weights so far, and when a run no longer improves."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext
from itertools import islice

from torch import nn

from chex.training_config import TrainingConfig
from jobs.training.checkpoint import Checkpoints
from jobs.training.process import Process
from jobs.training.protocols import Batch, Objective, Stage, Tracker
from jobs.training.run_state import Progress, trained_weights
from jobs.training.weight_average import WeightAverage


class Watch:
    """Looks at a model while it is trained. `batches` gives the validation batches, the same in every process."""

    def __init__(
        self,
        config: TrainingConfig,
        stage: Stage,
        model: nn.Module,
        objective: Objective,
        *,
        batches: Callable[[], Iterable[Batch]],
        checkpoints: Checkpoints,
        trackers: Sequence[Tracker],
        process: Process,
    ) -> None:
        self.config, self.stage, self.model, self.objective = config, stage, model, objective
        self.batches, self.checkpoints, self.trackers, self.process = batches, checkpoints, trackers, process

    def validate(self, progress: Progress, average: WeightAverage | None = None) -> None:
        """Notes the figures in `progress`, with the averaged weights where there are any, and keeps the best weights.

        Raises ValueError if the watched figure is not among them.
        """
        step, began = progress.step, time.perf_counter()
        with average.in_place() if average else nullcontext():
            found = self.stage.validate(self.model, self.objective, self._batches(), self.config.validation_tasks)
            progress.figures = dict(found.figures)
            figures = {f"validate/{name}": value for name, value in found.figures.items()}
            figures["validate/seconds"] = time.perf_counter() - began
            for tracker in self.trackers:
                tracker.metrics(step, figures)
                if found.classes and hasattr(tracker, "classes"):
                    tracker.classes(step, found.classes)
            if self.config.watch is not None:
                self._compare(self.config.watch, progress)
            if self.process.leads:
                self._show(step)

    def out_of_patience(self, progress: Progress) -> bool:
        return self.config.patience is not None and progress.since_best >= self.config.patience

    def _compare(self, name: str, progress: Progress) -> None:
        if name not in progress.figures:
            raise ValueError(f"watch: no validation figure {name!r}; there are {', '.join(sorted(progress.figures))}")
        value, sign = progress.figures[name], 1 if self.config.watch_mode == "max" else -1
        if math.isfinite(value) and (progress.best is None or sign * value > sign * progress.best):
            progress.best, progress.since_best = value, 0
            if self.process.leads:
                self.checkpoints.save_best(progress.step, trained_weights(self.model))
        else:
            progress.since_best += 1

    def _show(self, step: int) -> None:
        pictures = getattr(self.stage, "pictures", None)
        takers = [tracker for tracker in self.trackers if hasattr(tracker, "pictures")]
        if pictures and takers:
            images = pictures(self.model, self.objective, self._batches())
            for tracker in takers:
                tracker.pictures(step, images)

    def _batches(self) -> Iterator[Batch]:
        return islice(iter(self.batches()), self.config.validation_batches)
