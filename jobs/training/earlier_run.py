"""What lies where a run wants to begin: nothing, a run to go on with or a finished one, or what is not to be touched."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from chex.config import to_mapping
from jobs.going_on import check_same
from jobs.training.data_manifest import training_data
from jobs.training.worker import FINISHED, Job

# what may differ when a run goes on: none of it changes what is learned
_FREE_TO_CHANGE = ("log_every", "checkpoint_every", "keep_checkpoints", "recompute_activations", "restarts")
_SETTINGS = "config.json"


def outcome_of_earlier(job: Job, *, resume: bool) -> dict[str, Any] | None:
    """The outcome of a run that is finished already; None if there is something to do. Changes nothing.

    Raises ConfigError if the run to go on with is another one, FileExistsError if something else lies there.
    """
    folder = job.folder
    kept = folder.read_json(_SETTINGS)
    if resume and kept is not None:
        check_same(job.output, kept, _settings(job), free=_FREE_TO_CHANGE)
        finished = folder.read_json(FINISHED)
        return finished if finished and folder.model.names() else None
    if not resume and folder.work.names():
        raise FileExistsError(
            f"{job.output} holds an earlier run (its state lies in {folder.work.root}); "
            "choose another output, remove both, or go on with it (--resume)"
        )
    if folder.model.names():
        raise FileExistsError(
            f"{job.output} is not empty and no run that could go on lies beside it; choose another output"
        )
    return None


def taken_over(job: Job) -> Job:
    """The run as this process's own: what is left of an earlier job may write there no more."""
    folder = job.folder
    owned = replace(job, owner=folder.claim())
    folder.remove("ray")  # the notes of an earlier job's Ray Train
    folder.write_json(_SETTINGS, _settings(job))
    return owned


def _settings(job: Job) -> dict[str, Any]:
    settings = {**to_mapping(job.config), "preset": job.preset, "data_uri": job.data_uri, "init": job.init}
    settings["data_sha256"] = (training_data(job.data_uri) or {}).get("sha256")
    if job.pretrained is not None:
        settings["pretrained"] = asdict(job.pretrained)
    return settings
