"""Trains and measures the experiments of a comparison: shared stages once per seed, then each experiment's own."""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any, Literal, get_args

from chex.config import to_mapping
from chex.training_config import TrainingConfig
from jobs.comparison.table import as_table, summarised
from jobs.going_on import check_noted, note
from jobs.train import configuration
from jobs.training.data_manifest import training_data
from jobs.training.in_order import train_in_order
from jobs.training.run_folder import RunFolder
from jobs.training.tracking import tracked_experiment

LastStage = Literal["detector", "post-decoder", "generator"]
LAST_STAGES: tuple[str, ...] = get_args(LastStage)
REFERENCE = "full"  # what the others are compared with, and trained first
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is compared, on what. `output` is a local folder; `init` a contrastive stage that all seeds start from."""

    data: str
    output: Path
    names: tuple[str, ...]
    seeds: tuple[int, ...] = (0,)
    effort: float = 1.0
    last_stage: LastStage = "generator"
    preset: str = "tiny"
    init: str | None = None
    overrides: tuple[str, ...] = ()
    workers: int = 0
    tracking_uri: str = "none"

    @property
    def shared_stages(self) -> tuple[str, ...]:
        """The same for all experiments of a seed: `sentences` needs and changes nothing that they differ in."""
        first = () if self.init else ("contrastive",)
        return (*first, "sentences") if self.last_stage == "generator" else first

    @property
    def own_stages(self) -> tuple[str, ...]:
        return LAST_STAGES[: LAST_STAGES.index(self.last_stage) + 1]

    @property
    def tasks(self) -> str:
        """The evaluation tasks, by a group's name, so that what the data lack is left out."""
        return "all" if self.last_stage == "generator" else "without-text"

    def config(self, stage: str, name: str | None, seed: int) -> TrainingConfig:
        """A stage of an experiment, or (None) the one that all share, with `effort` times its steps.

        Raises ConfigError or ValueError for what cannot be trained.
        """
        file = None if name is None else f"ablations/{name}"
        given = [f"seed={seed}", *self.overrides]
        config = configuration(self.preset, stage, file=file, overrides=given, workers=self.workers)
        return replace(config, optimizer=config.optimizer.scaled(self.effort))


def ablations() -> tuple[str, ...]:
    """The names of the ablations that come with the project, the reference first."""
    folder = Path(str(resources.files("jobs").joinpath("experiments", "ablations")))
    return tuple(sorted((path.stem for path in folder.glob("*.yaml")), key=lambda name: (name != REFERENCE, name)))


def check(comparison: Comparison) -> None:
    """Raises ConfigError or ValueError for anything that a run of the comparison would stumble over later."""
    if unknown := sorted(set(comparison.names) - set(ablations())):
        raise ValueError(f"--only: no ablation {', '.join(unknown)}; there are {', '.join(ablations())}")
    if comparison.effort <= 0:
        raise ValueError(f"--effort: expected a number above 0, found {comparison.effort}")
    if not comparison.names or not comparison.seeds:
        raise ValueError("expected at least one ablation and one seed")
    for seed in comparison.seeds:
        for stage in comparison.shared_stages:
            comparison.config(stage, None, seed)
        for name in comparison.names:
            for stage in comparison.own_stages:
                comparison.config(stage, name, seed)


def compare(comparison: Comparison, *, resume: bool = False) -> dict[str, Any]:
    """Runs what is not finished, seed by seed, and writes results.json and table.md after every experiment.

    Raises ConfigError or ValueError before anything is trained; FileExistsError for an output that is not empty, unless
    it is gone on with; that may be with other seeds and experiments, but not with other settings.
    """
    check(comparison)
    if not resume and comparison.output.is_dir() and any(comparison.output.iterdir()):
        raise FileExistsError(f"{comparison.output} is not empty; choose another output, or go on with it (--resume)")
    check_noted(comparison.output, _same_for_all(comparison))
    comparison.output.mkdir(parents=True, exist_ok=True)
    for seed in comparison.seeds:
        start = _trained(comparison, comparison.shared_stages, None, seed, comparison.init)
        for name in comparison.names:
            figures = _folder(comparison, seed, name) / f"{comparison.last_stage}.evaluation" / "figures.json"
            if not figures.is_file():
                logger.info("seed %d: %s", seed, name)
                _measure(comparison, name, seed, start, figures.parent)
            results = write_results(comparison)
    return results


def write_results(comparison: Comparison) -> dict[str, Any]:
    """results.json and table.md of what is finished so far."""
    runs = []
    for seed in comparison.seeds:
        for name in comparison.names:
            folder = _folder(comparison, seed, name)
            file = folder / f"{comparison.last_stage}.evaluation" / "figures.json"
            if file.is_file():
                measured = json.loads(file.read_text(encoding="utf-8"))
                stages = measured["model"].get("training", [])
                runs.append({"name": name, "seed": seed, "figures": measured["figures"], "stages": stages})
    settings = {key: value for key, value in to_mapping(comparison).items() if key not in ("output", "tracking_uri")}
    results = {"settings": settings, "runs": runs, "summary": summarised(runs, REFERENCE)}
    table = as_table(results["summary"], comparison.names, REFERENCE)
    (comparison.output / "results.json").write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    (comparison.output / "table.md").write_text(table, encoding="utf-8")
    return results


def _same_for_all(comparison: Comparison) -> dict[str, Any]:
    """What must not change between the runs of one table."""
    free = ("output", "tracking_uri", "names", "seeds")
    settings = {key: value for key, value in to_mapping(comparison).items() if key not in free}
    return {**settings, "data_sha256": (training_data(comparison.data) or {}).get("sha256")}


def _measure(comparison: Comparison, name: str, seed: int, start: str | None, evaluation: Path) -> None:
    """Trains an experiment's own stages and measures what comes out."""
    from jobs.evaluation.run import evaluate

    folder = _folder(comparison, seed, name)
    folder.mkdir(parents=True, exist_ok=True)
    about = {"ablation": name, "seed": seed, "effort": comparison.effort, "last_stage": comparison.last_stage}
    began = time.monotonic()
    shown = f"{name} seed {seed} of " + re.sub(r"[^\w.-]+", "-", comparison.output.name)
    with tracked_experiment(comparison.tracking_uri, shown, about, folder=RunFolder(folder / "record")) as tracker:
        model = _trained(comparison, comparison.own_stages, name, seed, start, experiment=shown)
        note(comparison.output, _same_for_all(comparison))  # trained stages know their own
        measured = evaluate(model, comparison.data, comparison.tasks, evaluation, resume=True, progress=False)
        if tracker is not None:
            values = {key: figure["value"] for key, figure in measured["figures"].items()}
            tracker.metrics(0, {key: value for key, value in values.items() if value is not None})
    logger.info("seed %d: %s took %.0f s", seed, name, time.monotonic() - began)


def _trained(
    comparison: Comparison, stages: Sequence[str], name: str | None, seed: int, start: str | None,
    experiment: str | None = None,
) -> str | None:  # fmt: skip
    """Trains stages one after the other, each from the one before; gives the last one's model folder."""
    return train_in_order(
        [comparison.config(stage, name, seed) for stage in stages],
        _folder(comparison, seed, name),
        data_uri=comparison.data,
        preset=comparison.preset,
        init=start,
        tracking_uri=comparison.tracking_uri,
        experiment=experiment,
    )


def _folder(comparison: Comparison, seed: int, name: str | None) -> Path:
    return comparison.output / f"seed-{seed}" / (name or "start")
