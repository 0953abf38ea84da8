"""An experiment's own MLflow run, above those of its stages, which are trained under the same name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jobs.training.run_folder import RunFolder
from jobs.training.tracking import MlflowTracker, tracked_experiment


class RunRecord:
    """What the run is told; nothing where nothing is recorded."""

    def __init__(self, tracker: MlflowTracker | None = None) -> None:
        self.tracker = tracker

    def figures(self, values: Mapping[str, float | None]) -> None:
        if self.tracker is not None:
            self.tracker.metrics(0, {name: value for name, value in values.items() if value is not None})


@contextmanager
def recorded_run(uri: str, folder: Path, name: str, parameters: Mapping[str, Any]) -> Iterator[RunRecord]:
    """The run while the block lasts; one that was interrupted goes on by what is kept in `folder`."""
    with tracked_experiment(uri, name, parameters, folder=RunFolder(folder / "record")) as tracker:
        yield RunRecord(tracker)
