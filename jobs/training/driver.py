"""Starts a run, in this process or on Ray Train, and goes on with one that was interrupted."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chex.config import check
from chex.training_config import TrainingConfig
from jobs.cluster import default_cpus, ray_cluster
from jobs.machines import machines
from jobs.training.checks import check_architecture, check_gpu, check_lr_factors, check_pretrained, check_watch
from jobs.training.earlier_run import outcome_of_earlier, taken_over
from jobs.training.journal import Entry, followed, sentence
from jobs.training.run_folder import RunFolder
from jobs.training.tracking import Tracking, default_tracking_uri, send_waiting
from jobs.training.worker import Job, train_alone, train_in_worker, training_feed, validation_feed
from pipelines.model_folder import model_folder_exists
from pipelines.stores import StoreUnreachable

if TYPE_CHECKING:
    from chex.model.pretrained import PretrainedParts

logger = logging.getLogger(__name__)


def train(
    config: TrainingConfig,
    *,
    data_uri: str,
    output: str | Path,
    preset: str = "tiny",
    init: str | Path | None = None,
    pretrained: PretrainedParts | None = None,
    resume: bool = False,
    tracking_uri: str | None = None,
    parent_run: str | None = None,
    experiment: str | None = None,
    device: str = "auto",
    stage_of: Callable[[str], Any] | None = None,
    listener: Callable[[Entry], None] | None = None,
) -> dict[str, Any]:
    """Trains one stage and leaves the model folder `output`, on the Ray of `jobs.cluster`.

    resume: go on from the last checkpoint of an interrupted run of the same configuration; nothing is done
    for a finished one. pretrained: what a new model starts from. listener: called with every journal entry (default:
    logs a line). experiment: the name under which MLflow shows several stages together, or parent_run: the id of the
    run above them. device: "auto", "cpu" or "cuda", of the workers. Gives the steps done, the last validation
    figures and the best value of the watched one.

    Raises ConfigError, ValueError or FileNotFoundError before anything is started; Diverged where a loss is not
    finite; StoreUnreachable or RuntimeError where the run could not finish and may go on later.
    """
    check(config)
    if config.workers == 0 and device == "cuda":
        check_gpu()
    if stage_of is None:
        from jobs.training.stages import stage_of

        check_watch(config)
        check_lr_factors(config, stage_of(config.stage).trained)
    output = _absolute(output)
    job = Job(
        config=config,
        data_uri=_absolute(data_uri),
        output=output,
        preset=preset,
        init=None if init is None else _absolute(init),
        tracking=Tracking(tracking_uri or default_tracking_uri(RunFolder(output)), parent_run, experiment),
        stage_of=stage_of,
        pretrained=pretrained,
    )
    if pretrained is not None:
        check_pretrained(job)
    if job.init is not None and not model_folder_exists(job.init):
        raise FileNotFoundError(f"--init: expected the model folder of an earlier stage, found nothing at {job.init}")
    if config.model:
        check_architecture(job)
    if finished := outcome_of_earlier(job, resume=resume):
        logger.info("%s is finished already (%d steps)", output, finished["steps"])
        if left := send_waiting(job.folder, job.tracking.uri):
            logger.warning("MLflow still misses %d entries of it", left)
        return finished
    listener = listener or (
        lambda entry: logger.info(sentence(entry, stage=config.stage, steps=config.optimizer.steps))
    )
    training_feed(job, 0, job.checkpoints.last_step), validation_feed(job)  # raise here what the data lacks
    job = taken_over(job)
    try:
        with followed(job.folder.work, listener):
            outcome = train_alone(job, device) if config.workers == 0 else _train_on_ray(job, device)
        job.folder.remove("ray")
    except StoreUnreachable as fault:
        raise StoreUnreachable(f"{fault}; --resume goes on from the last checkpoint") from fault
    return outcome


def _train_on_ray(job: Job, device: str) -> dict[str, Any]:
    with ray_cluster(cpus=max(default_cpus(), job.config.workers + 1)):
        return _fit(job, device)


def _fit(job: Job, device: str) -> dict[str, Any]:
    from ray.data import ExecutionOptions
    from ray.train import DataConfig, FailureConfig, RunConfig, ScalingConfig
    from ray.train.torch import TorchTrainer
    from ray.train.v2.api.exceptions import TrainingFailedError

    from jobs.training.lost_workers import failure_told
    from jobs.training.process import Diverged

    workers = job.config.workers
    cluster = machines(device).grown(cpus=2 * workers + 1, gpus=workers)
    gpu = device != "cpu" and cluster.gpus >= workers
    if device == "cuda" and not gpu:
        raise ValueError(
            f"--device cuda: expected a GPU for each of {workers} workers; the Ray cluster has {cluster.gpus:g}"
        )
    # decoding needs CPUs of its own, or training would wait for it forever
    cpus = 1 if cluster.cpus >= 2 * workers + 1 else 0.5
    datasets: dict[str, Any] = {f"train-{rank}": partial(_training_dataset, job, rank) for rank in range(workers)}
    if validation_feed(job) is not None:
        datasets["validate"] = partial(_validation_dataset, job)
    trainer = TorchTrainer(
        train_in_worker,
        train_loop_config=job,
        scaling_config=ScalingConfig(
            num_workers=workers, use_gpu=gpu, resources_per_worker={"CPU": cpus, **({"GPU": 1} if gpu else {})}
        ),
        run_config=RunConfig(
            name=uuid.uuid4().hex,  # a name that was used before would make Ray Train go on with that run
            **_storage(job.folder),
            failure_config=FailureConfig(max_failures=job.config.restarts),
        ),
        datasets=datasets,
        dataset_config=DataConfig(
            datasets_to_split=[],  # each worker has its own part by plan, the same in every run
            execution_options=ExecutionOptions(preserve_order=True),
        ),
    )
    try:
        result = trainer.fit()
    except TrainingFailedError as error:
        raise RuntimeError(
            f"stage {job.config.stage} could not be trained: {failure_told(error)}; restarts allowed: "
            f"{job.config.restarts}; --resume goes on from the last checkpoint"
        ) from error
    if "diverged" in result.return_value:
        raise Diverged(result.return_value["diverged"])
    return result.return_value


def _storage(folder: RunFolder) -> dict[str, Any]:
    """Where Ray Train keeps its own notes: beside the checkpoints, where all nodes can see it."""
    place = folder.work.uri("ray")
    if folder.work.is_local:
        return {"storage_path": place}
    from pyarrow.fs import FSSpecHandler, PyFileSystem

    filesystem = folder.work.filesystem
    return {
        "storage_path": filesystem._strip_protocol(place),
        "storage_filesystem": PyFileSystem(FSSpecHandler(filesystem)),
    }


def _training_dataset(job: Job, rank: int):
    """Set up anew whenever Ray Train starts workers, so that replaced ones go on at the last checkpoint."""
    return training_feed(job, rank, job.checkpoints.last_step).dataset()


def _validation_dataset(job: Job):
    return validation_feed(job).dataset()


def _absolute(uri: str | Path) -> str:
    return str(uri) if "://" in str(uri) else str(Path(uri).resolve())
