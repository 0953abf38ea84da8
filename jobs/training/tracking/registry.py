"""A model folder as an MLflow model of two flavours (pyfunc and torch), and its version in the registry."""

from __future__ import annotations

import logging
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import chex
from chex.training_config import STAGES
from pipelines.model_folder import model_folder_on_disk

REGISTERED = "chex-ray"
CANDIDATE = "candidate"
DATA = "chex"  # the model folder, below "data"
_LOADER, _TORCH_READER = "jobs.training.mlflow_model", "jobs.training.tracking.torch_file"


def log_and_register(client: Any, run_id: str, folder: str) -> None:
    """Logs a model folder as the run's model and as the newest version of REGISTERED; does what is left of it."""
    run = client.get_run(run_id)
    with model_folder_on_disk(folder) as place:
        model = _logged(client, run, place)
    version = _version(client, run, model)
    stage = run.data.params.get("stage", "")
    client.set_registered_model_alias(REGISTERED, f"newest-{stage}", version)
    if stage == STAGES[-1]:  # the first that has learned everything
        client.set_registered_model_alias(REGISTERED, CANDIDATE, version)


def write_mlflow_model(folder: Path, target: Path, **about: Any) -> None:
    """Writes a model folder to `target` in MLflow's layout; `about` goes to mlflow.models.Model."""
    import mlflow
    import torch
    from mlflow.models import Model, ModelSignature
    from mlflow.types import ColSpec, Schema

    from jobs.training.tracking.torch_file import write_torch_file

    logging.getLogger("mlflow.pyfunc").setLevel(logging.WARNING)  # it tells of every check that succeeds
    columns = Schema([ColSpec("binary", "image"), ColSpec("string", "text", required=False)])
    model = Model(**about)
    with TemporaryDirectory() as place:
        data = Path(place, DATA)  # it is called as the folder is, which may be called anything
        data.symlink_to(folder.resolve())
        mlflow.pyfunc.save_model(
            target,
            loader_module=_LOADER,
            data_path=str(data),
            mlflow_model=model,
            signature=ModelSignature(inputs=columns),
            input_example=_example(),
            pip_requirements=[f"chex-ray=={chex.__version__}"],
        )
    (target / "torch").mkdir()
    (target / "torch" / "pickle_module_info.txt").write_text(_TORCH_READER, encoding="utf-8")
    write_torch_file(folder, target / "torch" / "model.pth")
    model.add_flavor("pytorch", model_data="torch", pytorch_version=str(torch.__version__), code=None)
    model.save(str(target / "MLmodel"))


def _logged(client: Any, run: Any, folder: Path) -> Any:
    from mlflow.entities import LoggedModelOutput

    experiment, run_id = run.info.experiment_id, run.info.run_id
    own = client.search_logged_models([experiment], f"source_run_id = '{run_id}'")
    if ready := [model for model in own if str(model.status) == "READY"]:
        return ready[0]
    for unfinished in own:
        client.finalize_logged_model(unfinished.model_id, "FAILED")  # to delete it, not everybody has the right
    model = client.create_logged_model(experiment, "model", run_id, params=_texts(run.data.params))
    client.log_outputs(run_id, [LoggedModelOutput(model.model_id, step=0)])
    with TemporaryDirectory() as partial:
        place = Path(partial, "model")
        write_mlflow_model(
            folder, place, artifact_path=model.artifact_location, model_uuid=model.model_id, run_id=run_id,
            model_id=model.model_id,
        )  # fmt: skip
        client.log_model_artifacts(model.model_id, str(place))
    return client.finalize_logged_model(model.model_id, "READY")


def _texts(values: dict[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in values.items()}


def _version(client: Any, run: Any, model: Any) -> str:
    from mlflow.exceptions import MlflowException

    run_id = run.info.run_id
    if made := client.search_model_versions(f"run_id = '{run_id}'"):
        return made[0].version
    try:
        client.create_registered_model(REGISTERED, description=_PROMOTION)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    tags = {name: run.data.params[name] for name in ("stage", "preset", "data_sha256") if name in run.data.params}
    made = client.create_model_version(
        REGISTERED, model.artifact_location, run_id, tags=tags, model_id=model.model_id, await_creation_for=None
    )
    return made.version


_PROMOTION = (
    f"'newest-STAGE' is the model that was trained last in a stage, '{CANDIDATE}' the last one of all stages. Whoever "
    "has compared it with the model in use gives it the alias 'champion'."
)


def _example() -> Any:
    """What the model takes: a computed picture, which shows no patient, and a query."""
    import numpy as np
    import pandas

    from chex.pixels import encode_stored

    ramp = np.add.outer(np.arange(64, dtype=np.uint8), np.arange(64, dtype=np.uint8))
    return pandas.DataFrame({"image": [encode_stored(ramp)], "text": ["pleural effusion"]})
