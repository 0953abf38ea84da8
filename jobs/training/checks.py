"""What a run would stumble over later, found before it starts. Each raises ValueError, or ConfigError with the keys."""

from __future__ import annotations

from chex.config import ConfigError, to_mapping
from chex.model_config import architecture
from chex.training_config import TrainingConfig
from jobs.training.worker import Job


def check_gpu() -> None:
    """That this process has one."""
    import torch

    if not torch.cuda.is_available():
        raise ValueError("--device cuda: expected a GPU of this machine, found none")


def check_pretrained(job: Job) -> None:
    """That trained parts of others fit a new model of the preset."""
    if job.init is not None:
        raise ValueError(
            "--init: a model folder has all its parts already; --clip and --language-model start a new one"
        )
    from jobs.training.start import check_parts

    check_parts(job.preset, job.config, job.pretrained)


def check_architecture(job: Job) -> None:
    """What `model` asks for, held against the preset or what the run starts from."""
    architecture(job.preset, job.config.model)
    if job.init is not None:
        from jobs.training.start import read_model

        read_model(job.init, job.config)


def check_watch(config: TrainingConfig) -> None:
    """A figure that is no loss part and of no task would be missed at the first validation only."""
    from jobs.training.stages import stage_of
    from jobs.training.validation import figure_names

    try:
        figures = figure_names(config.validation_tasks)
    except ValueError as error:
        raise ConfigError([f"validation_tasks: {error}"]) from error
    if config.validation_tasks and not stage_of(config.stage).needs_images:
        raise ConfigError([f"validation_tasks: stage {config.stage} reads no images; expected none"])
    known = sorted({"loss", *to_mapping(config.objective.weights), *figures})
    if config.watch is not None and config.watch not in known:
        raise ConfigError([f"watch: expected null or one of {', '.join(known)}, found {config.watch!r}"])


def check_lr_factors(config: TrainingConfig, trained: tuple[str, ...]) -> None:
    """Each is of a part that the stage trains."""
    if unknown := sorted(set(config.optimizer.lr_factors) - set(trained)):
        raise ConfigError(
            [f"optimizer.lr_factors.{part}: stage {config.stage} trains {', '.join(trained)}" for part in unknown]
        )
