"""MLflow follows a run: what it was told, every loss, pictures and the model. Its failures never cost the training."""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chex.config import flatten
from chex.training_config import TrainingConfig
from jobs.training.run_folder import RunFolder

EXPERIMENT = "chex-ray"
NO_TRACKING = "none"
MOST_PARAMETERS = 100  # that MLflow takes at once
MOST_FAILURES = 3  # of one kind, one after the other
_RUN_FILE = "mlflow_run.txt"
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Tracking:
    """Where a run is tracked. `uri` "none" switches it off; `parent` is the id of the run it belongs to."""

    uri: str
    parent: str | None = None


def default_tracking_uri(folder: RunFolder) -> str:
    """MLFLOW_TRACKING_URI, or a database beside the model folder, which the stages of one folder share; none in a store."""
    beside = f"sqlite:///{folder.parent}/mlflow.db" if folder.work.is_local else NO_TRACKING
    return os.environ.get("MLFLOW_TRACKING_URI") or beside


class MlflowTracker:
    """One MLflow run. What fails is left out with a warning; what fails again and again is no longer tried."""

    def __init__(self, client: Any, run_id: str) -> None:
        self.client, self.run_id = client, run_id
        self._failures: Counter[str] = Counter()

    def parameters(self, values: Mapping[str, Any]) -> None:
        from mlflow.entities import Param

        entries = [Param(name, str(value)) for name, value in values.items()]

        def log() -> None:
            for start in range(0, len(entries), MOST_PARAMETERS):
                self.client.log_batch(self.run_id, params=entries[start : start + MOST_PARAMETERS])

        self._try("the parameters", log)

    def metrics(self, step: int, values: Mapping[str, float]) -> None:
        import time

        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        entries = [Metric(name, float(value), now, step) for name, value in values.items()]
        self._try("metrics", lambda: self.client.log_batch(self.run_id, metrics=entries))

    def pictures(self, step: int, images: Mapping[str, Any]) -> None:
        def log() -> None:
            for name, image in images.items():
                self.client.log_image(self.run_id, image, f"pictures/step-{step:09d}/{name}.png")

        self._try("the pictures", log)

    def model(self, folder: Path) -> None:
        """Logs a model folder so that `mlflow.pyfunc.load_model` gives it back."""
        self._try("the model", lambda: self._log_model(folder))

    def finish(self, *, failed: bool) -> None:
        status = "FAILED" if failed else "FINISHED"
        self._try("the end of the run", lambda: self.client.set_terminated(self.run_id, status))

    def _log_model(self, folder: Path) -> None:
        import mlflow
        from mlflow.models import ModelSignature
        from mlflow.types import ColSpec, Schema

        import chex

        columns = Schema([ColSpec("binary", "image"), ColSpec("string", "text", required=False)])
        os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
        logging.getLogger("mlflow.pyfunc").setLevel(logging.WARNING)  # it tells of every check that succeeds
        mlflow.set_tracking_uri(self.client.tracking_uri)
        with mlflow.start_run(run_id=self.run_id):
            mlflow.pyfunc.log_model(
                name="model",
                python_model=str(Path(__file__).with_name("mlflow_model.py")),
                artifacts={"model": str(folder)},
                signature=ModelSignature(inputs=columns),
                input_example=_example(),
                pip_requirements=[f"chex-ray=={chex.__version__}"],
            )

    def _try(self, what: str, action: Callable[[], Any]) -> None:
        if self._failures[what] == MOST_FAILURES:  # a server that is down keeps every call waiting for minutes
            return
        try:
            action()
            self._failures[what] = 0
        except Exception as error:  # noqa: BLE001  a tracker that is down must not cost the training
            self._failures[what] += 1
            given_up = "; giving up" if self._failures[what] == MOST_FAILURES else ""
            logger.warning("MLflow could not record %s: %s%s", what, error, given_up)


def _example() -> Any:
    """What the model takes: a computed picture, which shows no patient, and a query."""
    import numpy as np
    import pandas

    from chex.pixels import encode_stored

    ramp = np.add.outer(np.arange(64, dtype=np.uint8), np.arange(64, dtype=np.uint8))
    return pandas.DataFrame({"image": [encode_stored(ramp)], "text": ["pleural effusion"]})


@contextmanager
def tracked(
    config: TrainingConfig, tracking: Tracking, *, folder: RunFolder, extra: Mapping[str, Any]
) -> Iterator[MlflowTracker | None]:
    """The tracker of a run while the block runs; None if it is switched off or cannot be started.

    A run that goes on is found by the id kept in `folder`. `extra` are parameters beside the configuration.
    """
    tracker = None if tracking.uri == NO_TRACKING else _start(config, tracking, folder, extra)
    try:
        yield tracker
    except BaseException:
        if tracker:
            tracker.finish(failed=True)
        raise
    if tracker:
        tracker.finish(failed=False)


def _start(
    config: TrainingConfig, tracking: Tracking, folder: RunFolder, extra: Mapping[str, Any]
) -> MlflowTracker | None:
    try:
        from mlflow import MlflowClient

        logging.getLogger("mlflow.store.db.utils").setLevel(logging.WARNING)  # it tells of every table it makes
        client = MlflowClient(tracking_uri=tracking.uri)
        if kept := folder.work.read(_RUN_FILE):
            run_id = kept.decode().strip()
            client.update_run(run_id, status="RUNNING")
            return MlflowTracker(client, run_id)
        tags = {"mlflow.runName": f"{config.stage} {folder.name}", "stage": config.stage}
        if tracking.parent:
            tags["mlflow.parentRunId"] = tracking.parent
        run_id = client.create_run(_experiment(client, tracking.uri, folder), tags=tags).info.run_id
        folder.work.write(_RUN_FILE, run_id.encode())
        tracker = MlflowTracker(client, run_id)
        tracker.parameters({**flatten(config), **extra})
        return tracker
    except Exception as error:  # noqa: BLE001  a tracker that is down must not cost the training
        logger.warning("training goes on without MLflow (%s): %s", tracking.uri.split("@")[-1], error)
        return None


def _experiment(client: Any, uri: str, folder: RunFolder) -> str:
    found = client.get_experiment_by_name(EXPERIMENT)
    if found:
        return found.experiment_id
    # a database of files would otherwise put its artifacts into the working directory
    place = Path(folder.parent, "mlflow-artifacts").as_uri() if uri.startswith("sqlite:") else None
    return client.create_experiment(EXPERIMENT, artifact_location=place)
