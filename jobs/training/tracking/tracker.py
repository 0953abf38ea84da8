"""What a run tells MLflow: put into the outbox at once, and sent by another thread whenever the server answers."""

from __future__ import annotations

import base64
import io
import json
import logging
import os
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from chex.config import flatten
from chex.training_config import TrainingConfig
from jobs.training.data_manifest import training_data
from jobs.training.run_folder import RunFolder, Superseded
from jobs.training.tracking.destination import NO_TRACKING, Tracking, artifacts_beside
from jobs.training.tracking.mlflow_run import EXPERIMENT_TAG, Begin, MlflowRun
from jobs.training.tracking.outbox import Outbox
from jobs.training.tracking.sender import Sender
from jobs.training.tracking.source import source_tags
from jobs.training.tracking.utilisation import Utilisation

_RUN_FILE = "mlflow_run.json"
logger = logging.getLogger(__name__)


class MlflowTracker:
    """One MLflow run. No call waits for the server, nor fails because of it."""

    def __init__(self, outbox: Outbox, sender: Sender, utilisation: Utilisation | None = None) -> None:
        self._outbox, self._sender, self._utilisation = outbox, sender, utilisation
        self._lost = False

    def metrics(self, step: int, values: Mapping[str, float]) -> None:
        trains = "seconds_per_step" in values  # what validation takes is told by its own seconds
        used = self._utilisation.since_last(values) if trains and self._utilisation else {}
        self._put("metrics", step=step, values={name: float(value) for name, value in ({**values, **used}).items()})

    def classes(self, step: int, figures: Mapping[str, Mapping[str, float]]) -> None:
        """Validation figures of classes, which become rows of a table."""
        self._put("classes", step=step, figures={name: dict(values) for name, values in figures.items()})

    def pictures(self, step: int, images: Mapping[str, Any]) -> None:
        self._put("pictures", step=step, images={name: _png(image) for name, image in images.items()})

    def model(self, folder: str) -> None:
        """The model folder that the run leaves, on a disk or in a store; it has to stay there until it is sent."""
        self._put("model", folder=folder)

    def flush(self) -> None:
        """Sees to it that what waits will still be there if this machine is lost."""
        try:
            self._outbox.keep()
        except Exception as error:  # noqa: BLE001  a store that is away costs the run its checkpoint at most
            logger.warning("what waits for MLflow could not be copied to %s: %s", self._outbox.place.root, error)

    def again(self) -> None:
        """The run goes on."""
        self._put("again")

    def finish(self, *, failed: bool) -> None:
        """The end of the run; waits for what is not sent yet, but not for ever."""
        self._put("end", status="FAILED" if failed else "FINISHED")
        self.close()

    def abandon(self) -> None:
        """Another process has gone on with the run, and tells of it."""
        if self._utilisation:
            self._utilisation.stop()
        self._sender.abandon()

    def close(self) -> None:
        if self._utilisation:
            self._utilisation.stop()
        if left := self._sender.close():
            logger.warning(
                "MLflow was not told everything: %d entries wait in %s; --resume sends them, and so does "
                "python -m jobs.training.tracking", left, self._outbox.place.root,
            )  # fmt: skip

    def _put(self, kind: str, **content: Any) -> None:
        try:
            self._outbox.put({"kind": kind, "time": _now(), **content})
        except OSError as error:  # a full disk will be noticed elsewhere
            if not self._lost:
                logger.warning("MLflow will miss something: %s", error)
            self._lost = True
        self._sender.wake()


@contextmanager
def tracked(
    config: TrainingConfig, tracking: Tracking, *, folder: RunFolder, extra: Mapping[str, Any]
) -> Iterator[MlflowTracker | None]:
    """The tracker of a run while the block runs; None if it is switched off.

    A run that goes on is found by what is kept in `folder`. `extra` are parameters beside the configuration; "data"
    among them says where the data are.
    """
    if tracking.uri == NO_TRACKING:
        yield None
        return
    with _while_it_lasts(tracking.uri, folder, lambda: _begin(config, tracking, folder, extra), Utilisation) as tracker:
        yield tracker


@contextmanager
def tracked_experiment(
    uri: str, name: str, parameters: Mapping[str, Any], *, folder: RunFolder
) -> Iterator[MlflowTracker | None]:
    """The tracker of the run above those of an experiment's stages, which are given the same name."""
    if uri == NO_TRACKING:
        yield None
        return
    Tracking(uri, experiment=name)  # raises here what the name lacks

    def begin() -> Begin:
        return Begin(name, name, _now(), EXPERIMENT_TAG, parameters=dict(parameters), artifacts=artifacts_beside(uri))

    with _while_it_lasts(uri, folder, begin) as tracker:
        yield tracker


@contextmanager
def _while_it_lasts(
    uri: str, folder: RunFolder, begin: Callable[[], Begin], utilisation: Callable[[], Utilisation] = lambda: None
) -> Iterator[MlflowTracker]:
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # it would tell its makers how it is used
    kept = folder.read_json(_RUN_FILE)
    known = kept or json.loads(json.dumps(asdict(begin()), default=str))
    if kept is None:
        folder.write_json(_RUN_FILE, known)
    outbox = Outbox(folder)
    tracker = MlflowTracker(outbox, Sender(outbox, MlflowRun(uri, Begin(**known)), name=_public(uri)), utilisation())
    if kept is not None:
        tracker.again()
    try:
        yield tracker
    except Superseded:
        tracker.abandon()
        raise
    except BaseException:
        tracker.finish(failed=True)
        raise
    tracker.finish(failed=False)


def send_waiting(folder: RunFolder, uri: str) -> int:
    """Sends what the outbox of a run that does not train now holds; gives how many entries are left."""
    known = folder.read_json(_RUN_FILE)
    if uri == NO_TRACKING or known is None:
        return 0
    outbox = Outbox(folder)
    if not outbox.waiting():
        return 0
    return Sender(outbox, MlflowRun(uri, Begin(**known)), name=_public(uri)).close()


def _begin(config: TrainingConfig, tracking: Tracking, folder: RunFolder, extra: Mapping[str, Any]) -> Begin:
    data = training_data(extra["data"])
    sha256 = (data or {}).get("sha256") or "unknown"
    return Begin(
        key=uuid.uuid4().hex,
        name=f"{config.stage} {folder.name}",
        time=_now(),
        tags={"stage": config.stage, "data_sha256": sha256, **source_tags()},
        parameters={**flatten(config), **extra, "data_sha256": sha256},
        experiment=tracking.experiment,
        parent=tracking.parent,
        data=data and {**data, "uri": extra["data"]},
        artifacts=artifacts_beside(tracking.uri),
    )


def _public(uri: str) -> str:
    """The URI without credentials."""
    return uri.split("@")[-1]


def _now() -> int:
    return int(time.time() * 1000)


def _png(image: Any) -> str:
    content = io.BytesIO()
    image.save(content, "PNG")
    return base64.b64encode(content.getvalue()).decode()
