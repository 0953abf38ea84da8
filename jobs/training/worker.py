"""What one process of a run does: builds the stage, feeds the loop, and, if it leads, saves the model."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from chex.training_config import TrainingConfig
from jobs.machines import device_here
from jobs.training.checkpoint import Checkpoints
from jobs.training.run_folder import RunFolder
from jobs.training.tracking import Tracking, tracked
from pipelines.freed_memory import keep_freed_memory
from pipelines.output_folder import OutputFolder
from pipelines.rows.reading_ahead import read_ahead

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
    owner: str = ""  # as RunFolder.claim gave it

    @property
    def folder(self) -> RunFolder:
        return RunFolder(self.output)

    @property
    def checkpoints(self) -> Checkpoints:
        place = OutputFolder(self.folder.work.uri("checkpoints"))
        return Checkpoints(place, self.config.keep_checkpoints, self.check_owner)

    def check_owner(self) -> None:
        """Raises Superseded if another process has gone on with the run."""
        self.folder.check_owner(self.owner)


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


def train_alone(job: Job, device: str = "auto") -> dict[str, Any]:
    """The whole run in this process, without Ray."""
    import torch

    chosen = torch.device(device_here(device))
    return _train(job, lambda step: training_feed(job, 0, step), lambda feed: feed, rank=0, device=chosen)


def train_in_worker(job: Job) -> dict[str, Any]:
    """One worker's part under Ray Train. A run that diverged is a result, so that Ray does not try it again."""
    import ray.data
    import ray.train
    from ray.train.torch import get_device

    from jobs.training.process import Diverged

    # the journal tells how far the run is; importing ray.data has just set its own level
    logging.getLogger("ray.data").setLevel(logging.WARNING)
    logging.getLogger("ray.data._internal.progress").setLevel(logging.ERROR)
    rank = ray.train.get_context().get_world_rank()

    def batches(step: int) -> Iterable[Any]:
        # the dataset that the trainer set up starts at the last checkpoint, and so does the loop
        return training_feed(job, rank, step).batches_of(ray.train.get_dataset_shard(f"train-{rank}"))

    try:
        return _train(
            job,
            batches,
            lambda feed: feed.batches_of(ray.train.get_dataset_shard("validate")),
            rank=rank,
            device=get_device(),
            ray=True,
        )
    except Diverged as error:
        return {"diverged": str(error)}


def _train(job: Job, batches, validate, *, rank: int, device, ray: bool = False) -> dict[str, Any]:
    import torch

    from chex import vocabulary
    from jobs.training.loop import run
    from jobs.training.process import Process
    from jobs.training.run_state import load_trained

    config, size = job.config, max(1, job.config.workers)
    process = Process(rank, size, device)
    if process.device.type == "cpu":
        torch.set_num_threads(config.threads or max(1, len(os.sched_getaffinity(0)) // size))
        keep_freed_memory()  # a step frees and takes hundreds of megabytes
    stage = job.stage_of(config.stage)
    model, objective = stage.build(
        config, job.preset, job.init, job.data_uri, vocabulary.load(), job.pretrained, process
    )
    feed = validation_feed(job)  # in every process, so that all of them stop for it
    checkpoints = job.checkpoints
    start_step = checkpoints.last_step
    with ExitStack() as open_files:
        open_files.enter_context(closing(checkpoints))
        trackers: list[Any] = []
        if process.leads:
            trackers = _trackers(job, open_files, start_step, ray=ray, parameters=_count(model))
        progress = run(
            config,
            stage,
            model,
            objective,
            batches=lambda step: read_ahead(batches(step)),
            validation=None if feed is None else lambda: read_ahead(validate(feed)),
            checkpoints=checkpoints,
            start_step=start_step,
            trackers=trackers,
            process=process,
        )
        outcome = {"steps": progress.step, "best": progress.best, "figures": progress.figures}
        if process.leads:
            checkpoints.wait()
            # the best weights, or the last where none are watched
            if config.watch is not None and (best := checkpoints.load_best()):
                load_trained(model, best)
            job.check_owner()
            _publish(job, stage, model, trackers)
            job.folder.write_json(FINISHED, outcome)  # last: a run that is finished is never gone on with
    return outcome


def _trackers(job: Job, open_files: ExitStack, start_step: int, *, ray: bool, parameters: int) -> list[Any]:
    """The journal, and MLflow where it is used; both are ended by `open_files`."""
    from jobs.training.journal import Journal, warnings_noted

    job.check_owner()
    job.folder.work.remove_unfinished()  # what a process that was killed has left
    journal = Journal(job.folder.work, start_step=start_step, allowed=job.check_owner)
    open_files.enter_context(closing(journal))
    if start_step:
        journal.notice("goes on from the checkpoint of this step")
    if ray:
        open_files.enter_context(warnings_noted(journal))
    extra = {"preset": job.preset, "data": job.data_uri, "init": str(job.init), "parameters": parameters}
    tracker = open_files.enter_context(tracked(job.config, job.tracking, folder=job.folder, extra=extra))
    return [journal, *([tracker] if tracker else [])]


def _publish(job: Job, stage: Any, model: Any, trackers: Sequence[Any]) -> None:
    job.folder.publish(lambda place: stage.save(model, place))
    for tracker in trackers:
        if hasattr(tracker, "model"):
            tracker.model(job.output)
        if hasattr(tracker, "flush"):
            tracker.flush()


def _wanted_rows(job: Job) -> dict[str, Any]:
    stage = job.stage_of(job.config.stage)
    if not stage.needs_images:
        return {"images": False, "needs": ("sentences", "anatomy")}
    return {"needs": ("anatomy",) if stage.needs_anatomy else ()}


def _count(model) -> int:
    return sum(parameter.numel() for parameter in model.parameters())
