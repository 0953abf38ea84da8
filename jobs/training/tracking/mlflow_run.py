"""One run in MLflow and what it is told. Everything here may be said twice, for an answer may get lost on its way."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from jobs.training.tracking.patience import patience
from jobs.training.tracking.sender import Refused

EXPERIMENT = "chex-ray"
CLASSES_TABLE = "validation_classes.json"
MOST_PARAMETERS = 100  # that MLflow takes at once
MOST_METRICS = 1000
LONGEST_VALUE = 6000
RUN_TAG, EXPERIMENT_TAG, PARENT_TAG = "chex.run", "chex.experiment", "mlflow.parentRunId"
# an answer to what was said, not to who said it or when
_REFUSALS = ("INVALID_PARAMETER_VALUE", "BAD_REQUEST", "RESOURCE_DOES_NOT_EXIST", "INVALID_STATE")


@dataclass(frozen=True, slots=True)
class Begin:
    """What a run is made of; kept in the work folder, so that the same run is found again.

    key: the value of `tag` by which it is found, the run's own or the name of an experiment. time: ms since 1970. data: as `training_data` gives it, and "uri". artifacts: where
    they go, where MLflow should not decide that.
    """

    key: str
    name: str
    time: int
    tag: str = RUN_TAG
    tags: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)
    experiment: str | None = None
    parent: str | None = None
    data: dict[str, Any] | None = None
    artifacts: str | None = None


class MlflowRun:
    """A receiver of `Sender`, for its thread alone. Each point of a curve is told once: the first time counts."""

    def __init__(self, uri: str, begin: Begin) -> None:
        self._uri, self._begin = uri, begin
        self._reached: dict[str, int] = {}  # the last step of each metric that MLflow knows
        self._rows: list[list[Any]] | None = None  # of the table of classes
        self._found = False  # the run was there before

    def open(self) -> None:
        with patience():
            from mlflow import MlflowClient

            logging.getLogger("mlflow.store.db.utils").setLevel(logging.WARNING)  # it tells of every table it makes
            self._client = MlflowClient(tracking_uri=self._uri)
            self._experiment_id = self._experiment()
            run = self._find(self._begin.tag, self._begin.key)
            self._found = run is not None
            self._parent = self._parent_of(run)
            if run is None:
                above = {} if self._parent is None else {PARENT_TAG: self._parent}
                run = self._create(self._begin.tag, self._begin.key, self._begin.name, {**self._begin.tags, **above})
                self._raise_parent()
            self.run_id = run.info.run_id
            if not run.data.params:  # or whoever began it was stopped before that
                self._describe()

    def receive(self, entries: Sequence[Mapping[str, Any]]) -> None:
        from mlflow.exceptions import MlflowException

        kind = entries[0]["kind"]
        try:
            with patience(long=kind in ("pictures", "files", "model")):
                if kind == "metrics":
                    self._metrics(entries)
                else:
                    getattr(self, f"_receive_{kind}")(entries[0])
        except MlflowException as error:
            if error.error_code in _REFUSALS:
                raise Refused(str(error)) from error
            raise

    def _experiment(self) -> str:
        found = self._client.get_experiment_by_name(EXPERIMENT)
        if found:
            return found.experiment_id
        return self._client.create_experiment(EXPERIMENT, artifact_location=self._begin.artifacts)

    def _find(self, tag: str, value: str, more: str = "") -> Any | None:
        runs = self._client.search_runs(
            [self._experiment_id],
            f"tags.`{tag}` = '{value}'{more}",
            order_by=["attributes.start_time ASC", "attributes.run_id ASC"],
        )
        return runs[0] if runs else None

    def _create(self, tag: str, value: str, name: str, tags: Mapping[str, str]) -> Any:
        own = self._client.create_run(
            self._experiment_id, start_time=self._begin.time, run_name=name, tags={**tags, tag: value}
        )
        first = self._find(tag, value)
        if first.info.run_id != own.info.run_id:  # another stage of the experiment began in the same moment
            self._client.set_terminated(own.info.run_id, "KILLED")
        return first

    def _parent_of(self, run: Any | None) -> str | None:
        if run is not None:
            return run.data.tags.get(PARENT_TAG)
        name = self._begin.experiment
        if self._begin.parent is not None or name is None:
            return self._begin.parent
        return (self._find(EXPERIMENT_TAG, name) or self._create(EXPERIMENT_TAG, name, name, {})).info.run_id

    def _describe(self) -> None:
        from mlflow.entities import Param

        from jobs.training.tracking.data import dataset_input

        if self._begin.data is not None:
            self._client.log_inputs(self.run_id, [dataset_input(self._begin.data)])
        values = [Param(name, str(value)[:LONGEST_VALUE]) for name, value in self._begin.parameters.items()]
        for start in range(0, len(values), MOST_PARAMETERS):
            self._client.log_batch(self.run_id, params=values[start : start + MOST_PARAMETERS])

    def _metrics(self, entries: Sequence[Mapping[str, Any]]) -> None:
        from mlflow.entities import Metric

        new = []
        reached = dict(self._reached)
        for entry in entries:
            for name, value in entry["values"].items():
                if name not in reached:
                    reached[name] = self._reached[name] = self._last_step(name)
                if entry["step"] > reached[name]:
                    new.append(Metric(name, float(value), entry["time"], entry["step"]))
                    reached[name] = entry["step"]
        for start in range(0, len(new), MOST_METRICS):
            self._client.log_batch(self.run_id, metrics=new[start : start + MOST_METRICS])
        self._reached = reached

    def _last_step(self, name: str) -> int:
        history = self._client.get_metric_history(self.run_id, name) if self._found else []
        return max((point.step for point in history), default=-1)

    def _receive_classes(self, entry: Mapping[str, Any]) -> None:
        """One table for the whole run: a row for each class of each figure at each validation."""
        if self._rows is None:
            self._rows = self._known_rows()
        if any(row[0] == entry["step"] for row in self._rows):
            return
        new = [
            [entry["step"], figure, name, value]
            for figure, values in entry["figures"].items()
            for name, value in values.items()
        ]
        table = {"columns": ["step", "figure", "class", "value"], "data": [*self._rows, *new]}
        self._client.log_text(self.run_id, json.dumps(table), CLASSES_TABLE)
        # by this tag MLflow's pages and mlflow.load_table know a table
        self._client.set_tag(
            self.run_id, "mlflow.loggedArtifacts", json.dumps([{"path": CLASSES_TABLE, "type": "table"}])
        )
        self._rows += new

    def _known_rows(self) -> list[list[Any]]:
        if CLASSES_TABLE not in {file.path for file in self._client.list_artifacts(self.run_id)}:
            return []
        with TemporaryDirectory() as folder:
            file = self._client.download_artifacts(self.run_id, CLASSES_TABLE, folder)
            return json.loads(Path(file).read_text(encoding="utf-8"))["data"]

    def _receive_pictures(self, entry: Mapping[str, Any]) -> None:
        with TemporaryDirectory() as folder:
            for name, content in entry["images"].items():
                Path(folder, f"{name}.png").write_bytes(base64.b64decode(content))
            self._client.log_artifacts(self.run_id, folder, f"pictures/step-{entry['step']:09d}")

    def _receive_files(self, entry: Mapping[str, Any]) -> None:
        """A folder on a disk, with all that is in it."""
        self._client.log_artifacts(self.run_id, entry["folder"])

    def _receive_model(self, entry: Mapping[str, Any]) -> None:
        from jobs.training.tracking.registry import log_and_register

        log_and_register(self._client, self.run_id, entry["folder"])

    def _receive_again(self, entry: Mapping[str, Any]) -> None:
        self._client.update_run(self.run_id, status="RUNNING")
        self._raise_parent()

    def _raise_parent(self) -> None:
        if self._parent is not None:
            self._client.update_run(self._parent, status="RUNNING")

    def _receive_end(self, entry: Mapping[str, Any]) -> None:
        self._client.set_terminated(self.run_id, entry["status"], entry["time"])
        if self._parent is None:
            return
        if (
            self._find(PARENT_TAG, self._parent, " and attributes.status = 'RUNNING'") is None
        ):  # of the stages that an experiment trains at once the last one ends it
            self._client.set_terminated(self._parent, entry["status"], entry["time"])
