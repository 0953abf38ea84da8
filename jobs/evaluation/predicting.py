"""Predictions, part by part, in this process or by Ray actors: the same rows either way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from chex.records import Sample
from jobs.evaluation.batch import Batch, Encoded
from jobs.evaluation.model_source import SessionFactory
from jobs.evaluation.parts import Part, batches_of
from jobs.evaluation.predictions import Predictions
from jobs.evaluation.task import EvaluationTask, Row
from pipelines.rows.reading_ahead import read_ahead

if TYPE_CHECKING:
    import numpy as np

TasksOfSplits = Mapping[str, Mapping[str, EvaluationTask]]  # by split, then by name: who predicts which samples


def predict_batch(
    tasks: Mapping[str, EvaluationTask],
    session: Any,
    samples: Sequence[Sample],
    images: Sequence[np.ndarray] | None = None,
) -> dict[str, list[Row]]:
    """The rows of one batch of samples: depends on nothing else, so batches can be predicted anywhere, in any order.

    images: the samples' decoded images (H, W) uint8, where they do not bring them along.
    """
    chosen = [place for place, sample in enumerate(samples) if any(task.wants(sample) for task in tasks.values())]
    if not chosen:
        return {}
    wanted = [samples[place] for place in chosen]
    encoded = Encoded(session, wanted, None if images is None else [images[place] for place in chosen])
    rows = {}
    for name, task in tasks.items():
        places = [place for place, sample in enumerate(wanted) if task.wants(sample)]
        rows[name] = task.predict(Batch(encoded, places)) if places else []
    return rows


def predict_parts(
    parts: Sequence[Part],
    tasks: TasksOfSplits,
    session: Any,
    predictions: Predictions,
    *,
    batch_size: int,
    progress: bool = False,
) -> None:
    """Predicts the parts in this process; another thread reads and decodes ahead."""
    decoded = (
        (part, batch) for part in parts for batch in batches_of(part, tuple(tasks[part.split].values()), batch_size)
    )
    with _bar(parts, progress) as bar:
        rows: dict[str, list[Row]] = {}
        for part, batch in read_ahead(decoded):
            for name, found in predict_batch(tasks[part.split], session, batch.samples, batch.images).items():
                rows.setdefault(name, []).extend(found)
            if batch.number + 1 == batch.of:
                predictions.write_part(part.split, part.name, rows)
                bar.update(part.window.count)
                rows = {}


def predict_with_actors(
    parts: Sequence[Part],
    tasks: TasksOfSplits,
    factory: SessionFactory,
    predictions: Predictions,
    *,
    batch_size: int,
    actors: int,
    device: str = "auto",
    progress: bool = False,
) -> None:
    """The same by `actors` actors on the Ray of `jobs.cluster`. device: "auto", "cpu" or "cuda"."""
    from jobs.cluster import ray_cluster
    from jobs.evaluation.actors import predicted

    with _bar(parts, progress) as bar, ray_cluster():
        for part, rows in predicted(parts, tasks, factory, batch_size=batch_size, actors=actors, device=device):
            predictions.write_part(part.split, part.name, rows)
            bar.update(part.window.count)


def _bar(parts: Sequence[Part], progress: bool):
    from tqdm import tqdm

    total = sum(part.window.count for part in parts)
    return tqdm(total=total, desc="predictions", unit="image", disable=not progress)
