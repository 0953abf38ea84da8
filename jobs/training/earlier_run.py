"""What lies where a run wants to begin: nothing, a run to go on with or a finished one, or what is not to be touched."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any

from chex.config import ConfigError, flatten, to_mapping
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
        _check_same(job, kept)
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


def _check_same(job: Job, kept: dict[str, Any]) -> None:
    before, now = flatten(kept), flatten(json.loads(json.dumps(_settings(job))))
    differing = [key for key in sorted({*before, *now}) if before.get(key) != now.get(key)]
    if problems := [
        f"{key}: the interrupted run has {before.get(key)!r}, found {now.get(key)!r}"
        for key in differing
        if key not in _FREE_TO_CHANGE
    ]:
        raise ConfigError(problems, source=f"going on with {job.output}")


def _settings(job: Job) -> dict[str, Any]:
    settings = {**to_mapping(job.config), "preset": job.preset, "data_uri": job.data_uri, "init": job.init}
    settings["data_sha256"] = (training_data(job.data_uri) or {}).get("sha256")
    if job.pretrained is not None:
        settings["pretrained"] = asdict(job.pretrained)
    return settings
