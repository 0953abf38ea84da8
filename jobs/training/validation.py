"""What a run knows of the validation split: the mean losses, and figures of evaluation tasks with their classes."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from operator import itemgetter
from typing import Any

from jobs.evaluation.predicting import predict_batch
from jobs.evaluation.task import EvaluationTask, SpreadOf
from jobs.evaluation.tasks import create, task_names
from jobs.training.process import Process

Losses = tuple[int, int, dict[str, float]]  # number of the batch, its size, its loss parts


@dataclass(frozen=True, slots=True)
class Validated:
    """Figures by name, and for those that are means over classes the figures of the classes."""

    figures: dict[str, float]
    classes: dict[str, dict[str, float]] = field(default_factory=dict)


def figure_names(tasks: Sequence[str]) -> list[str]:
    """What the evaluation tasks of these names give. Raises ValueError for one that is unknown."""
    if unknown := sorted(set(tasks) - set(task_names())):
        raise ValueError(f"unknown tasks {', '.join(unknown)}; there are {', '.join(task_names())}")
    return [name for task in tasks for name in create(task).gives]


def mean_losses(losses: Iterable[Losses]) -> dict[str, float]:
    """Every part's mean over the batches that have it, weighted by their size, whatever order they come in."""
    totals: dict[str, list[float]] = {}
    counts: Counter[str] = Counter()
    for _, size, parts in sorted(losses, key=itemgetter(0)):
        for name, value in parts.items():
            totals.setdefault(name, []).append(value * size)
            counts[name] += size
    return {name: math.fsum(values) / counts[name] for name, values in totals.items()}


class TaskFigures:
    """Evaluation tasks on the validation batches of a run, as the model sees them; their baselines are left out."""

    def __init__(self, tasks: Sequence[str], session: Any) -> None:
        """session: answers as `chex.inference.session.Session` does; without tasks it is not asked for anything."""
        self._tasks: dict[str, EvaluationTask] = {name: create(name) for name in tasks}
        for task in self._tasks.values():
            task.starts_programs = False  # a validation is short
        self._session = session
        self._rows: list[tuple[int, dict[str, list[dict[str, Any]]]]] = []

    def add(self, number: int, batch: Mapping[str, Any]) -> None:
        """Asks the model about one batch."""
        if self._tasks:
            rows = predict_batch(self._tasks, self._session, batch["samples"], batch["images"])
            self._rows.append((number, rows))

    def of_all(self, process: Process) -> Validated:
        """The figures of what all processes have added."""
        numbered = sorted(chain.from_iterable(process.gather_objects(self._rows)), key=itemgetter(0))
        found = Validated({})
        for name, task in self._tasks.items():
            rows = [row for _, by_task in numbered for row in by_task.get(name, ())]
            for figure_name, figure in (task.figures(rows, SpreadOf()) if rows else {}).items():
                found.figures[figure_name] = figure.value
                found.classes[figure_name] = dict(figure.classes)
        return found
