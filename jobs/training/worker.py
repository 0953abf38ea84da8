"""What one process of a run does: builds the stage, feeds the loop, and, if it leads, saves the model."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import closing, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chex.training_config import TrainingConfig
from jobs.training.checkpoint import Checkpoints
from jobs.training.run_folder import RunFolder
from jobs.training.tracking import Tracking, tracked
from pipelines.output_folder import OutputFolder

if TYPE_CHECKING:
    from chex.model.pretrained import PretrainedParts

FINISHED = "finished.json"


@dataclass(frozen=True, slots=True)
class Job:
    """Everything a process needs to know; travels to the workers. Local paths are absolute."""

    config: TrainingConfig
    data_uri: str
    output: str  # absolute path or URI
    preset: str
    init: str | None
    tracking: Tracking
    stage_of: Callable[[str], Any]
    pretrained: PretrainedParts | None = None

    @property
    def folder(self) -> RunFolder:
        return RunFolder(self.output)

    @property
    def checkpoints(self) -> Checkpoints:
        return Checkpoints(OutputFolder(self.folder.work.uri("checkpoints")), self.config.keep_checkpoints)


def training_feed(job: Job, rank: int, start_step: int):
    """One worker's batches from `start_step` on, as many for a step as `optimizer.accumulate` says."""
    from pipelines.batches import training_batches

    config, parts = job.config, job.config.optimizer.accumulate
    return training_batches(
        job.data_uri,
        data=replace(config.data, batch_size=config.data.batch_size // parts),
        augmentation=config.augmentation,
        steps=config.optimizer.steps * parts,
        start_step=start_step * parts,
        seed=config.seed,
        rank=rank,
        workers=max(1, config.workers),
        **_wanted_rows(job),
    )


def validation_feed(job: Job):
    """The validation batches, or None where the configuration asks for no validation."""
    from pipelines.batches import validation_batches

    if job.config.validate_every == 0 and job.config.watch is None:
        return None
    return validation_batches(job.data_uri, data=job.config.data, **_wanted_rows(job))


def train_alone(job: Job) -> dict[str, Any]:
    """The whole run in this process, without Ray."""
    return _train(job, lambda step: iter(training_feed(job, 0, step)), lambda feed: iter(feed), rank=0)


def train_in_worker(job: Job) -> dict[str, Any]:
    """One worker's part under Ray Train. A run that diverged is a result, so that Ray does not try it again."""
    import ray.data
    import ray.train

    from jobs.training.process import Diverged

    # the journal tells how far the run is; importing ray.data has just set its own level
    logging.getLogger("ray.data").setLevel(logging.WARNING)
    logging.getLogger("ray.data._internal.progress").setLevel(logging.ERROR)
    rank = ray.train.get_context().get_world_rank()

    def batches(step: int) -> Iterator[Any]:
        # the dataset that the trainer set up starts at the last checkpoint, and so does the loop
        return training_feed(job, rank, step).batches_of(ray.train.get_dataset_shard(f"train-{rank}"))

    try:
        return _train(
            job, batches, lambda feed: feed.batches_of(ray.train.get_dataset_shard("validate")), rank=rank, ray=True
        )
    except Diverged as error:
        return {"diverged": str(error)}


def _train(job: Job, batches, validate, *, rank: int, ray: bool = False) -> dict[str, Any]:
    import torch

    from chex import vocabulary
    from jobs.training.journal import Journal, warnings_noted
    from jobs.training.loop import load_trained, run
    from jobs.training.process import Process

    config, size = job.config, max(1, job.config.workers)
    process = Process(rank, size, _device(ray))
    if process.device.type == "cpu":
        torch.set_num_threads(max(1, len(os.sched_getaffinity(0)) // size))
    stage = job.stage_of(config.stage)
    model, objective = stage.build(
        config, job.preset, job.init, job.data_uri, vocabulary.load(), job.pretrained, process
    )
    feed = validation_feed(job)  # in every process, so that all of them stop for it
    extra = {"preset": job.preset, "data": job.data_uri, "init": str(job.init), "parameters": _count(model)}
    checkpoints = job.checkpoints
    tracking = tracked(config, job.tracking, folder=job.folder, extra=extra)
    journals = [Journal(job.folder.work, start_step=checkpoints.last_step)] if process.leads else []
    noted = warnings_noted(journals[0]) if process.leads and ray else nullcontext()
    with noted, closing(checkpoints), tracking if process.leads else nullcontext() as tracker:
        progress = run(
            config,
            stage,
            model,
            objective,
            batches=batches,
            validation=None if feed is None else lambda: validate(feed),
            checkpoints=checkpoints,
            trackers=[*journals, *([tracker] if tracker else [])],
            process=process,
        )
        outcome = {"steps": progress.step, "best": progress.best, "figures": progress.figures}
        if process.leads:
            # the best weights, or the last where none are watched
            if config.watch is not None and (best := checkpoints.load_best()):
                load_trained(model, best)

            def save(place: Path) -> None:
                stage.save(model, place)
                if tracker:
                    tracker.model(place)

            job.folder.publish(save)
            job.folder.write_json(FINISHED, outcome)  # last: a run that is finished is never gone on with
        for journal in journals:
            journal.flush()
    return outcome


def _wanted_rows(job: Job) -> dict[str, Any]:
    stage = job.stage_of(job.config.stage)
    if not stage.needs_images:
        return {"images": False, "needs": ("sentences", "anatomy")}
    return {"needs": ("anatomy",) if stage.needs_anatomy else ()}


def _device(ray: bool):
    import torch

    if ray:
        from ray.train.torch import get_device

        return get_device()
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _count(model) -> int:
    return sum(parameter.numel() for parameter in model.parameters())
