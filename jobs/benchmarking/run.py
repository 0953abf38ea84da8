"""The steps of a benchmark in their order, and the files that come out of it."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from typing import Any

from chex.config import to_mapping
from jobs.benchmarking.compared import Draws, compared, measured
from jobs.benchmarking.steps import Benchmark, baseline, check_data, make_data, train_detector, train_model
from jobs.benchmarking.table import as_table
from jobs.evaluation.task import ALL_PARTS
from jobs.evaluation.tasks import chosen, create, is_group

MODEL = "chex-ray"
logger = logging.getLogger(__name__)


def run(benchmark: Benchmark, steps: Sequence[str], *, resume: bool = False) -> None:
    """Does the named steps, each where it was left.

    Raises FileExistsError for an output that is not empty, unless it is gone on with, and ConfigError if that is with
    other phantoms; ValueError, OSError or RuntimeError as the steps do.
    """
    output = benchmark.output
    if not resume and output.is_dir() and any(output.iterdir()):
        raise FileExistsError(f"{output} is not empty; choose another output, or go on with it (--resume)")
    check_data(benchmark)  # everything else is compared by the steps that it is about
    output.mkdir(parents=True, exist_ok=True)
    if "data" in steps:
        make_data(benchmark)
    if "model" in steps:
        train_model(benchmark)
    if "supervised-detector" in steps and "supervised-detector" in benchmark.config.baselines:
        train_detector(benchmark)
    if "evaluation" in steps:
        write_results(benchmark, evaluated(benchmark))


def evaluated(benchmark: Benchmark) -> dict[str, Any]:
    """Predictions of Chex-Ray and of every baseline for the same tasks, and the comparison of their figures."""
    from jobs.evaluation.predictions import Predictions
    from jobs.evaluation.run import evaluate
    from pipelines.output_folder import OutputFolder

    config, draws = benchmark.config, Draws(benchmark.config.bootstrap)
    figures = {}
    for name in (MODEL, *config.baselines):
        model = benchmark.model_folder if name == MODEL else baseline(benchmark, name)
        folder = benchmark.output / "evaluation" / name
        tasks = _answerable(config.tasks, getattr(model, "parts", ALL_PARTS))
        if not tasks:
            continue
        logger.info("%s: is asked", name)
        summary = evaluate(model, benchmark.shards, tasks, folder, resume=True, progress=False)
        figures[name] = measured(Predictions(OutputFolder(str(folder))), summary, draws)
    return compared(figures.pop(MODEL), figures)


def _answerable(tasks: str, parts: frozenset[str]) -> str:
    """A group as it is, of which an evaluation leaves out what cannot be answered; of named tasks those that can."""
    return tasks if is_group(tasks) else ",".join(name for name in chosen(tasks) if create(name).asks_for <= parts)


def write_results(benchmark: Benchmark, figures: dict[str, Any]) -> None:
    """results.json with everything, table.md with the figures of the paper's table 2, or all where none is among them."""
    from jobs.evaluation.paper import published_figures

    settings = to_mapping(benchmark.config)
    content = {"settings": settings, "model": _model_provenance(benchmark), "figures": figures}
    (benchmark.output / "results.json").write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", "utf-8")
    published = [row.figure for row in published_figures()]
    rows = list(dict.fromkeys(published)) if set(published) & set(figures) else ()
    table = as_table(figures, benchmark.config.baselines, rows)
    (benchmark.output / "table.md").write_text(table, encoding="utf-8")


def _model_provenance(benchmark: Benchmark) -> dict[str, Any]:
    """What Chex-Ray was made with, as its evaluation tells."""
    file = benchmark.output / "evaluation" / MODEL / "evaluation.json"
    return json.loads(file.read_text(encoding="utf-8"))["made_with"]["model"]
