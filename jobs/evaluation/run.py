"""The evaluation itself: baselines from the train split, predictions on another, figures beside each other."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import chex
from chex.records import Sample
from jobs.evaluation.figure import write_rows, write_summary
from jobs.evaluation.task import EvaluationTask, Row, SpreadOf
from jobs.evaluation.tasks import chosen, create
from jobs.local_folder import local_folder
from pipelines.model_folder import model_folder_on_disk

if TYPE_CHECKING:
    import numpy as np

    from chex.inference.session import Session
    from chex.model.chex import Chex

logger = logging.getLogger(__name__)

_LEARNED_FROM = ("sample_id", "image_id", "sentences", "anatomy", "pathology_boxes", "pathology_labels")


def evaluate(
    model: Chex | str | Path,
    data_uri: str,
    tasks: str = "all",
    output: str | Path | None = None,
    *,
    split: str = "test",
    bootstrap: int = 0,
    batch_size: int = 32,
    device: str = "cpu",
    progress: bool = True,
) -> dict[str, Any]:
    """Evaluate a model (or its folder) on converted shards; returns the content of figures.json.

    tasks: "all" or names joined by commas. bootstrap: draws for standard deviation and interval, 0 for none.
    With `output`, writes figures.json, table.md and predictions/TASK.parquet there.

    Raises:
        ValueError: an unknown task, an impossible number, an output that is no local folder, or no sample for a task
            that was named.
        FileNotFoundError: no such model, or no shards of the split or of the train split.
    """
    folder = None if output is None else local_folder(output)
    names = chosen(tasks)
    spread = SpreadOf(bootstrap)
    if batch_size < 1:
        raise ValueError(f"the batch size must be at least 1; found {batch_size}")
    from pipelines.shards import list_shards, samples

    for needed in (split, "train"):
        list_shards(data_uri, split=needed)
    session = _session(model, device)
    created = {name: create(name) for name in names}
    started = time.monotonic()
    learn(created, samples(data_uri, "train", columns=_LEARNED_FROM), progress)
    learned = time.monotonic()
    test = samples(data_uri, split)
    rows = predict(created, session, test, batch_size, _count(data_uri, split) if progress else None)
    predicted = time.monotonic()
    figures = {
        figure_name: figure.as_dict()
        for name, task in created.items()
        if rows[name]
        for figure_name, figure in task.figures(rows[name], spread).items()
    }
    left_out = {name: f"no sample of split {split} has {created[name].needs}" for name in names if not rows[name]}
    if left_out and (tasks != "all" or not figures):
        raise ValueError("; ".join(f"{name}: {reason}" for name, reason in left_out.items()))
    for name, reason in left_out.items():
        logger.warning("%s is left out: %s", name, reason)
    seconds = {"baselines": learned - started, "predictions": predicted - learned}
    seconds["figures"] = time.monotonic() - predicted
    summary = {
        "figures": figures,
        "left_out": left_out,
        "model": dict(session.reader.model.provenance),
        "data": str(data_uri),
        "split": split,
        "software_version": chex.__version__,
        "seconds": {step: round(taken, 2) for step, taken in seconds.items()},
    }
    if folder is not None:
        for name, task in created.items():
            if rows[name]:
                write_rows(folder / "predictions" / f"{name}.parquet", rows[name], task.row_notes())
        write_summary(folder, summary)
    return summary


def learn(tasks: dict[str, EvaluationTask], train: Iterable[Sample], progress: bool = False) -> None:
    """One pass over the train split for the baselines of all tasks."""
    from tqdm import tqdm

    for sample in tqdm(train, desc="baselines", unit="sample", disable=not progress):
        for task in tasks.values():
            task.learn(sample)


def predict(
    tasks: dict[str, EvaluationTask],
    session: Session,
    samples: Iterable[Sample],
    batch_size: int = 32,
    total: int | None = None,
) -> dict[str, list[Row]]:
    """The rows of every task; each image is encoded once. With `total`, a progress bar."""
    from tqdm import tqdm

    rows: dict[str, list[Row]] = {name: [] for name in tasks}
    with tqdm(total=total, desc="evaluation", unit="image", disable=total is None) as bar:
        for batch in _batches(samples, batch_size):
            for name, predicted in predict_batch(tasks, session, batch).items():
                rows[name] += predicted
            bar.update(len(batch))
    return rows


def predict_batch(
    tasks: dict[str, EvaluationTask],
    session: Session,
    samples: Sequence[Sample],
    images: Sequence[np.ndarray] | None = None,
) -> dict[str, list[Row]]:
    """The rows of one batch of samples: depends on nothing else, so batches can be predicted anywhere, in any order.

    images: the samples' decoded images (H, W) uint8, where they do not bring them along.
    """
    from jobs.evaluation.batch import Batch, Encoded

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


def _session(model: Chex | str | Path, device: str) -> Session:
    from chex.inference.session import Session
    from chex.model.chex import Chex

    if isinstance(model, Chex):
        return Session(model)
    with model_folder_on_disk(model) as folder:
        return Session(Chex.load(folder, device=device))


def _batches(samples: Iterable[Sample], size: int) -> Iterator[list[Sample]]:
    batch: list[Sample] = []
    for sample in samples:
        batch.append(sample)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def _count(data_uri: str, split: str) -> int:
    """How many samples the shards say they hold."""
    import fsspec
    import pyarrow.parquet as pq

    from pipelines.shards import list_shards

    count = 0
    for path in list_shards(data_uri, split=split):
        with fsspec.open(path, "rb") as stream:
            count += pq.read_metadata(stream).num_rows
    return count
