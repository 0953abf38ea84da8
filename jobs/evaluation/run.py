"""The evaluation itself: baselines from the train split, predictions on another, figures beside each other."""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import chex
from chex.records import Sample
from jobs.evaluation.figures_of_rows import TUNING_SPLIT, compute_figures
from jobs.evaluation.identity import data_identity
from jobs.evaluation.model_source import SessionFactory, provenance, session_factory
from jobs.evaluation.parts import parts_of
from jobs.evaluation.predicting import predict_parts, predict_with_actors
from jobs.evaluation.predictions import Predictions
from jobs.evaluation.reading import Reading
from jobs.evaluation.task import ALL_PARTS, EvaluationTask, SpreadOf
from jobs.evaluation.tasks import chosen, create, is_group
from pipelines.output_folder import OutputFolder

if TYPE_CHECKING:
    from chex.model.chex import Chex

logger = logging.getLogger(__name__)

_LEARNED_FROM = (
    "sample_id", "image_id", "sentences", "indication", "anatomy", "pathology_boxes", "pathology_labels", "grounded",
)  # fmt: skip


def evaluate(
    model: Chex | str | Path | SessionFactory,
    data_uri: str,
    tasks: str = "all",
    output: str | Path | None = None,
    *,
    split: str = "test",
    bootstrap: int = 0,
    batch_size: int = 32,
    device: str = "cpu",
    actors: int = 0,
    resume: bool = False,
    plots: bool = False,
    reading: Reading | None = None,
    progress: bool = True,
) -> dict[str, Any]:
    """Evaluate a model on converted shards; returns the content of figures.json.

    model: a model folder or its URI, a Chex, or a function device -> session that can be sent to other processes; of
    its session `parts` says what it can be asked for (default: everything), `provenance` what it is made of.
    tasks: "all", another group, or names joined by commas. bootstrap: draws for standard deviation and interval, 0 for
    none. actors: so many Ray actors predict; 0: this process does. With `output`, a folder or s3://…, the predictions
    and figures are written there, and `resume` goes on with an evaluation that was interrupted there; `plots` adds pictures.
    reading: who reads texts; None: the rules.

    Raises:
        ValueError: an unknown task, an impossible number, a reading that no task would do, an output that holds another
            evaluation, or no sample for a task that was named.
        FileNotFoundError: no such model, or no shards of the split or of the train split.
    """
    names = chosen(tasks)
    spread = SpreadOf(bootstrap)
    for what, number, least in (("the batch size", batch_size, 1), ("the number of actors", actors, 0)):
        if number < least:
            raise ValueError(f"{what} must be at least {least}; found {number}")
    if reading is not None:
        reading.check(names)
    factory = session_factory(model)
    identity = data_identity(data_uri, (split, "train"))
    run = _Run(factory, data_uri, split, batch_size, device, actors, progress)
    session = factory(device if actors == 0 else "cpu")
    created, not_asked = _asked(names, session)
    if not_asked and (not is_group(tasks) or not created):
        raise ValueError("; ".join(f"{name}: {reason}" for name, reason in not_asked.items()))
    made_with = {
        "model": provenance(session, factory),
        "data": identity,
        "split": split,
        "tasks": list(created),
        "batch_size": batch_size,
        "software_version": chex.__version__,
    }
    with _place_for(output) as folder:
        predictions = Predictions(folder)
        about = predictions.open({"made_with": made_with, "not_asked": not_asked, "uri": str(data_uri)}, resume=resume)
        seconds = run.predict(created, session, predictions, about["finished"])
        began = time.monotonic()
        summary = compute_figures(predictions, spread, reading)
        seconds["figures"] = time.monotonic() - began
        missing = [f"{name}: {reason}" for name, reason in summary["left_out"].items() if name in names]
        if missing and (not is_group(tasks) or not summary["figures"]):
            raise ValueError("; ".join(missing))
        summary["seconds"] = {step: round(taken, 2) for step, taken in seconds.items()}
        if output is not None:
            from jobs.evaluation.summary import write_summary

            write_summary(folder, summary)
            if plots:
                from jobs.evaluation.plots import write_plots

                write_plots(predictions, summary, folder, data_uri, reading)
    for name, reason in summary["left_out"].items():
        logger.warning("%s is left out: %s", name, reason)
    return summary


def learn(tasks: Mapping[str, EvaluationTask], train: Iterable[Sample], progress: bool = False) -> None:
    """One pass over the train split for the baselines of all tasks."""
    from tqdm import tqdm

    for sample in tqdm(train, desc="baselines", unit="sample", disable=not progress):
        for task in tasks.values():
            task.learn(sample)


@dataclass(frozen=True, slots=True)
class _Run:
    """Who predicts what, and where."""

    factory: SessionFactory
    data_uri: str
    split: str
    batch_size: int
    device: str
    actors: int
    progress: bool

    def predict(
        self, tasks: Mapping[str, EvaluationTask], session: Any, predictions: Predictions, finished: list[str]
    ) -> dict[str, float]:
        """Predicts what is not finished yet: the split that is measured, and the one that tasks are tuned on."""
        from pipelines.shards import samples

        splits: dict[str, Mapping[str, EvaluationTask]] = {self.split: tasks}
        tuned = {name: task for name, task in tasks.items() if task.tunes}
        if tuned and self._can_tune():
            splits = {TUNING_SPLIT: tuned, **splits}
        splits = {split: some for split, some in splits.items() if split not in finished}
        began = time.monotonic()
        if splits:
            learn(tasks, samples(self.data_uri, "train", columns=_LEARNED_FROM), self.progress)
        learned = time.monotonic()
        parts = {split: parts_of(self.data_uri, split, self.batch_size) for split in splits}
        remaining = [
            part
            for split, some in parts.items()
            for done in [predictions.parts_done(split)]
            for part in some
            if part.name not in done
        ]
        common = {"batch_size": self.batch_size, "progress": self.progress}
        if remaining and self.actors:
            predict_with_actors(
                remaining, splits, self.factory, predictions, actors=self.actors, device=self.device, **common
            )
        elif remaining:
            predict_parts(remaining, splits, session, predictions, **common)
        for split, some in splits.items():
            notes = {name: task.row_notes() for name, task in some.items()}
            predictions.finish(split, [part.name for part in parts[split]], notes)
        for split in {*splits, *finished}:
            predictions.remove_parts(split)
        return {"baselines": learned - began, "predictions": time.monotonic() - learned}

    def _can_tune(self) -> bool:
        from pipelines.shards import list_shards

        if self.split == TUNING_SPLIT:
            logger.warning("nothing is tuned: the split %s is the one that is measured", TUNING_SPLIT)
            return False
        try:
            list_shards(self.data_uri, split=TUNING_SPLIT)
        except FileNotFoundError:
            logger.warning("nothing is tuned: there are no shards of the split %s", TUNING_SPLIT)
            return False
        return True


def _asked(names: Iterable[str], session: Any) -> tuple[dict[str, EvaluationTask], dict[str, str]]:
    """The tasks that the session can be asked, and why the others are left out."""
    can = frozenset(getattr(session, "parts", ALL_PARTS))
    tasks, not_asked = {}, {}
    for name in names:
        task = create(name)
        if lacking := sorted(task.asks_for - can):
            not_asked[name] = f"the model gives no {', '.join(lacking)}"
        else:
            tasks[name] = task
    return tasks, not_asked


@contextmanager
def _place_for(output: str | Path | None):
    """The folder of the output, or one that is there while the block runs."""
    if output is not None:
        yield OutputFolder(str(output))
        return
    with tempfile.TemporaryDirectory() as folder:
        yield OutputFolder(folder)
