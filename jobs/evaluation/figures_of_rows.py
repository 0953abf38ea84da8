"""Figures from stored predictions: neither model nor data are needed, so that anybody can compute them again."""

from __future__ import annotations

from typing import Any

from jobs.evaluation.predictions import Predictions
from jobs.evaluation.reading import Reading
from jobs.evaluation.task import EvaluationTask, Row, SpreadOf
from jobs.evaluation.tasks import create

TUNING_SPLIT = "validate"


def compute_figures(predictions: Predictions, spread: SpreadOf, reading: Reading | None = None) -> dict[str, Any]:
    """The content of figures.json, but for the seconds. reading: who reads texts, if not the rules.

    Options are tuned anew on the stored rows of the validation split. One task's rows are in memory at a time.
    Raises ValueError if the folder holds no evaluation, or one whose predictions are not complete.
    """
    about = _complete(predictions)
    made_with = about["made_with"]
    split = made_with["split"]
    if reading is not None:
        reading.check(made_with["tasks"])
    figures: dict[str, Any] = {}
    tuned: dict[str, Any] = {}
    left_out = dict(about["not_asked"])
    for name in made_with["tasks"]:
        task, rows = recalled(predictions, split, name)
        if not rows:
            left_out[name] = f"no sample of split {split} has {task.needs}"
            continue
        if reading is not None:
            reading.tell(task)
        options = tuned_options(predictions, task, name, split)
        if options is not None:
            tuned[name] = options
        found = task.figures(rows, spread, options)
        figures |= {figure_name: {"task": name, **figure.as_dict()} for figure_name, figure in found.items()}
        left_out |= task.left_out
    return {
        "figures": figures,
        "left_out": left_out,
        "tuned": tuned,
        "bootstrap": spread.draws,
        **made_with,
        "data": about["uri"],
        "data_identity": made_with["data"],
    }


def recalled(predictions: Predictions, split: str, name: str) -> tuple[EvaluationTask, list[Row]]:
    """A task as it was when it predicted the split, and its rows."""
    task = create(name)
    rows, notes = predictions.read(split, name)
    if rows:
        task.recall(notes)
    return task, rows


def tuned_options(predictions: Predictions, task: EvaluationTask, name: str, split: str) -> dict[str, Any] | None:
    """What the task chooses on the validation split; None if it tunes nothing, or if that split is the measured one."""
    if not task.tunes or split == TUNING_SPLIT:
        return None
    rows, _ = predictions.read(TUNING_SPLIT, name)
    return task.tune(rows)


def _complete(predictions: Predictions) -> dict[str, Any]:
    about, place = predictions.about(), predictions.output.root
    if about is None:
        raise ValueError(f"{place} holds no evaluation: expected evaluation.json and predictions/ there")
    if about["made_with"]["split"] not in about["finished"]:
        raise ValueError(f"{place}: the predictions are not complete; go on with them by --resume")
    return about
