"""An evaluation in MLflow: figures as metrics, everything else as artifacts. What MLflow lacks, the output still has."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import tempfile
import time
from collections.abc import Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jobs.training.tracking.destination import NO_TRACKING, Tracking, artifacts_beside
from jobs.training.tracking.mlflow_run import Begin, MlflowRun
from jobs.training.tracking.source import source_tags
from pipelines.output_folder import OutputFolder

_FILES = ("figures.json", "table.md", "evaluation.json", "plots/", "predictions/")
logger = logging.getLogger(__name__)


def tell_mlflow(folder: OutputFolder, summary: Mapping[str, Any], tracking: Tracking) -> None:
    """Tells of the evaluation in `folder`; of the same one in the same run, however often.

    An MLflow that does not answer is a warning: `--resume` tells again.
    """
    if tracking.uri == NO_TRACKING:
        return
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # it would tell its makers how it is used
    now = int(time.time() * 1000)
    run = MlflowRun(tracking.uri, _begin(folder, summary, tracking, now))
    try:
        run.open()
        run.receive([{"kind": "metrics", "step": 0, "time": now, "values": metrics_of(summary["figures"])}])
        with _on_disk(folder) as files:
            run.receive([{"kind": "files", "folder": files}])
        run.receive([{"kind": "end", "status": "FINISHED", "time": now}])
    except Exception as error:  # noqa: BLE001  whatever a server or its client raises: the figures are there
        where = tracking.uri.split("@")[-1]
        logger.warning("MLflow at %s was not told: %s: %s; --resume tries again", where, type(error).__name__, error)


def metrics_of(figures: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    """NAME, NAME_std, NAME_baseline and NAME_samples of every figure that has a value."""
    told = {}
    for name, figure in figures.items():
        if figure["value"] is None:
            continue
        parts = {"": figure["value"], "_std": figure.get("std"), "_baseline": figure["baseline"]}
        parts["_samples"] = figure["samples"]
        told |= {f"{name}{part}": float(value) for part, value in parts.items() if value is not None}
    return told


def _begin(folder: OutputFolder, summary: Mapping[str, Any], tracking: Tracking, now: int) -> Begin:
    model, identity = summary["model"], summary["data_identity"]
    parameters = {name: summary[name] for name in ("data", "split", "tasks", "batch_size", "bootstrap")}
    parameters |= {f"model.{name}": value for name, value in model.items() if isinstance(value, str | int | float)}
    parameters |= {f"tuned.{name}": json.dumps(options) for name, options in summary["tuned"].items()}
    sha256 = identity["data_sha256"] or "unknown"
    same = json.dumps([folder.root, model, identity, summary["split"], summary["tasks"]], sort_keys=True)
    return Begin(
        key=hashlib.sha256(same.encode()).hexdigest()[:32],
        name=f"evaluation {folder.root.rsplit('/', 1)[-1]}",
        time=now,
        tags={"stage": "evaluation", "data_sha256": sha256, **source_tags()},
        parameters={**parameters, "data_sha256": sha256},
        experiment=tracking.experiment,
        parent=tracking.parent,
        artifacts=artifacts_beside(tracking.uri),
    )


@contextmanager
def _on_disk(folder: OutputFolder):
    """A folder with the files that MLflow gets and no others."""
    with tempfile.TemporaryDirectory() as copy:
        for name in folder.files():
            if name.startswith(_FILES):
                target = Path(copy, name)
                target.parent.mkdir(parents=True, exist_ok=True)
                folder.fetch(name, target)
        yield copy
