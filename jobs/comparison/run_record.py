"""An experiment's own MLflow run, above those of its stages. That it cannot be kept never costs the training."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jobs.training.tracking import EXPERIMENT, NO_TRACKING, MlflowTracker

_RUN_FILE = "mlflow_run.txt"
logger = logging.getLogger(__name__)


class RunRecord:
    """`run_id` is the parent of the stages' runs; None where nothing is recorded."""

    def __init__(self, tracker: MlflowTracker | None = None) -> None:
        self.tracker = tracker
        self.run_id = None if tracker is None else tracker.run_id

    def figures(self, values: Mapping[str, float | None]) -> None:
        if self.tracker is not None:
            self.tracker.metrics(0, {name: value for name, value in values.items() if value is not None})


@contextmanager
def recorded_run(uri: str, folder: Path, name: str, parameters: Mapping[str, Any]) -> Iterator[RunRecord]:
    """The run while the block lasts; one that was interrupted goes on by the id kept in `folder`."""
    record = RunRecord(None if uri == NO_TRACKING else _started(uri, folder, name, parameters))
    try:
        yield record
    except BaseException:
        if record.tracker:
            record.tracker.finish(failed=True)
        raise
    if record.tracker:
        record.tracker.finish(failed=False)


def _started(uri: str, folder: Path, name: str, parameters: Mapping[str, Any]) -> MlflowTracker | None:
    try:
        from mlflow import MlflowClient

        client, kept = MlflowClient(tracking_uri=uri), folder / _RUN_FILE
        if kept.is_file():
            run_id = kept.read_text(encoding="utf-8").strip()
            client.update_run(run_id, status="RUNNING")
            return MlflowTracker(client, run_id)
        found = client.get_experiment_by_name(EXPERIMENT)
        place = (folder.parents[1] / "mlflow-artifacts").as_uri() if uri.startswith("sqlite:") else None
        experiment = found.experiment_id if found else client.create_experiment(EXPERIMENT, artifact_location=place)
        run = client.create_run(experiment, tags={"mlflow.runName": name}).info
        kept.write_text(run.run_id, encoding="utf-8")
        tracker = MlflowTracker(client, run.run_id)
        tracker.parameters(parameters)
        return tracker
    except Exception as error:  # noqa: BLE001  a tracker that is down must not cost the training
        logger.warning("%s goes on without MLflow: %s", name, error)
        return None
