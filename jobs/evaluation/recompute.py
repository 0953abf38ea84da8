"""Figures again, from the predictions that an evaluation has left: no model, no data, no GPU."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from jobs.evaluation.figures_of_rows import compute_figures
from jobs.evaluation.plots import write_plots
from jobs.evaluation.predictions import Predictions
from jobs.evaluation.reading import Reading
from jobs.evaluation.summary import write_summary
from jobs.evaluation.task import SpreadOf
from pipelines.output_folder import OutputFolder


def recompute(
    evaluation: str | Path,
    output: str | Path | None = None,
    *,
    bootstrap: int | None = None,
    plots: bool = False,
    reading: Reading | None = None,
) -> dict[str, Any]:
    """The content of figures.json, computed from the predictions below `evaluation`, local or s3://…

    Writes figures.json, table.md and, if asked, plots (but for those that show images) to `output`, or to the evaluation
    itself. bootstrap: draws; None: as many as before. reading: who reads texts; None: the rules.
    Raises ValueError if there is no evaluation, or an incomplete one.
    """
    source = OutputFolder(str(evaluation))
    if bootstrap is None:
        bootstrap = json.loads(source.read("figures.json") or b"{}").get("bootstrap", 0)
    began = time.monotonic()
    predictions = Predictions(source)
    summary = compute_figures(predictions, SpreadOf(bootstrap), reading)
    summary["seconds"] = {"figures": round(time.monotonic() - began, 2)}
    target = source if output is None else OutputFolder(str(output))
    write_summary(target, summary)
    if plots:
        write_plots(predictions, summary, target, reading=reading)
    return summary
