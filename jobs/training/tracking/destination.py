"""Where a run is tracked, and the run above it."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from jobs.training.run_folder import RunFolder

NO_TRACKING = "none"
_EXPERIMENT_NAME = re.compile(r"[\w./-]+( [\w./-]+)*")


@dataclass(frozen=True, slots=True)
class Tracking:
    """Where a run is tracked, and the run above it. `uri` "none" switches it off.

    experiment: its name; the stages that are trained for one experiment share a parent run. parent: that run's id, where
    it is known. Raises ValueError for a name that MLflow could not be asked for.
    """

    uri: str
    parent: str | None = None
    experiment: str | None = None

    def __post_init__(self) -> None:
        if self.experiment is not None and not _EXPERIMENT_NAME.fullmatch(self.experiment):
            raise ValueError(
                f"--experiment: expected letters, digits, '_', '-', '.', '/' and single spaces, found {self.experiment!r}"
            )
        if self.experiment is not None and self.parent is not None:
            raise ValueError("--experiment and --parent-run both name the run above; give one of them")


def default_tracking_uri(folder: RunFolder) -> str:
    """MLFLOW_TRACKING_URI, or a database beside the model folder, which the stages of one folder share; none in a store."""
    beside = f"sqlite:///{folder.parent}/mlflow.db" if folder.work.is_local else NO_TRACKING
    return os.environ.get("MLFLOW_TRACKING_URI") or beside


def artifacts_beside(uri: str) -> str | None:
    """Where artifacts go: beside a database of files, which would otherwise put them into the working directory."""
    scheme, _, file = uri.partition(":///")
    return Path(file).resolve().with_name("mlflow-artifacts").as_uri() if scheme == "sqlite" else None
