"""The whole way once, step by step: phantoms, shards, five training stages, figures, reports, page."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from chex.training_config import STAGES, TrainingConfig

SOURCES = ("mimic-cxr-jpg", "mimic-cxr-reports", "chest-imagenome", "vindr-cxr")
TASKS = "anatomy-localization,pathology-detection,region-classification,image-classification,report-generation"
FIGURES = ("anatomy_mean_iou", "pathology_map", "region_auroc", "image_auroc", "report_micro_f1")
MADE = ("raw", "shards", "training", "model", "evaluation", "reports", "mlflow-artifacts")
MARKER = ".chex-demo"  # only a folder with this file is ever cleared

logger = logging.getLogger(__name__)


def clear(output: Path) -> None:
    """Makes `output` ready: a new folder, or that of an earlier demo, whose results go.

    Raises FileExistsError for a folder that holds anything else.
    """
    if output.is_dir() and any(output.iterdir()) and not (output / MARKER).is_file():
        raise FileExistsError(f"{output} is not empty and holds no earlier demo; choose another output")
    output.mkdir(parents=True, exist_ok=True)
    (output / MARKER).touch()
    for name in MADE:
        shutil.rmtree(output / name, ignore_errors=True)
    for name in ("mlflow.db", "index.html", "summary.json"):
        (output / name).unlink(missing_ok=True)


def make_phantoms(output: Path, *, studies: int, seed: int) -> None:
    from jobs.phantoms import write_with_bar
    from pipelines.phantoms.planned import plan_studies

    write_with_bar(output / "raw", plan_studies(studies, seed))


def convert_phantoms(output: Path, sources: Sequence[str] = SOURCES, *, resume: bool = False) -> dict[str, Any]:
    """`output`/raw to `output`/shards. resume: goes on with a conversion, and leaves a finished one as it is."""
    from jobs.convert import convert
    from pipelines.convert import Conversion

    roots = tuple((kind, str(output / "raw" / kind)) for kind in sources)
    return convert(Conversion(sources=roots, output=str(output / "shards"), resume=resume))


def stage_configuration(stage: str, effort: float, workers: int = 1) -> TrainingConfig:
    """The stage as its experiment file has it, with `effort` times its steps."""
    from jobs.train import configuration

    config = configuration("tiny", stage, workers=workers)
    return replace(config, optimizer=config.optimizer.scaled(effort))


def train_stages(output: Path, *, effort: float, workers: int) -> dict[str, float]:
    """Trains all stages, each from the one before, into `output`/model. Gives the seconds of each stage."""
    import time

    from jobs.training.driver import train

    init, seconds = None, {}
    for stage in STAGES:
        began = time.monotonic()
        config = stage_configuration(stage, effort, workers)
        with tqdm(total=config.optimizer.steps, desc=stage, unit="step") as bar:

            def show(entry: dict[str, Any], bar: tqdm = bar) -> None:
                bar.update(entry["step"] - bar.n)
                if "train/loss" in entry:
                    bar.set_postfix_str(f"loss {entry['train/loss']:.3f}")

            train(
                config,
                data_uri=str(output / "shards"),
                output=output / "training" / stage,
                preset="tiny",
                init=init,
                tracking_uri=f"sqlite:///{(output / 'mlflow.db').resolve()}",
                experiment="demo",
                listener=show,
            )
        init, seconds[stage] = output / "training" / stage, time.monotonic() - began
    shutil.copytree(init, output / "model")
    return seconds


def measure(output: Path) -> dict[str, Any]:
    """The figures of the held-out phantoms, each beside its baselines."""
    from jobs.evaluation.run import evaluate

    summary = evaluate(output / "model", str(output / "shards"), TASKS, output / "evaluation")
    return {name: summary["figures"][name] for name in FIGURES if name in summary["figures"]}


def write_reports(output: Path) -> dict[str, Any]:
    """Reports and overlay pictures for the DICOM files that no training has seen."""
    from jobs.reporting.config import ReportRun
    from jobs.reporting.run import write_reports as run

    logging.getLogger("ray.data").setLevel(logging.WARNING)
    return run(
        ReportRun(
            model=str(output / "model"),
            input=str(output / "raw" / "vindr-cxr" / "test"),
            output=str(output / "reports"),
            formats=("parquet", "overlays"),
        ),
        show_progress=True,
    )
