"""Pictures of an evaluation, from its predictions: classes, reliability, examples, and what a task draws itself."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from jobs.evaluation.figures_of_rows import recalled
from jobs.evaluation.plots.class_bars import FEWEST_CLASSES, class_bars
from jobs.evaluation.plots.examples import example_pictures
from jobs.evaluation.plots.reliability import reliability_plot
from jobs.evaluation.predictions import Predictions
from jobs.evaluation.reading import Reading
from pipelines.output_folder import OutputFolder

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

_PIXELS_PER_INCH = 130


def write_plots(
    predictions: Predictions,
    summary: Mapping[str, Any],
    folder: OutputFolder,
    data_uri: str | None = None,
    reading: Reading | None = None,
) -> list[str]:
    """Writes plots/NAME.png and gives the names. data_uri: the shards, for examples on their images; None: without.
    reading: who reads texts, if not the rules."""
    names = []
    for name, drawing in _drawings(predictions, summary, data_uri, reading):
        content = io.BytesIO()
        drawing.savefig(content, format="png", dpi=_PIXELS_PER_INCH)
        names.append(f"plots/{name}.png")
        folder.write(names[-1], content.getvalue())
    return names


def _drawings(
    predictions: Predictions, summary: Mapping[str, Any], data_uri: str | None, reading: Reading | None
) -> Iterator[tuple[str, Drawing]]:
    for name, figure in summary["figures"].items():
        if sum(value is not None for value in figure.get("classes", {}).values()) >= FEWEST_CLASSES:
            yield f"classes-{name}", class_bars(name, figure)
    for name in summary["tasks"]:
        task, rows = recalled(predictions, summary["split"], name)
        if not rows:
            continue
        if reading is not None:
            reading.tell(task)
        options = summary["tuned"].get(name)
        yield from task.pictures(rows, options).items()
        curve = task.reliability(rows)
        if curve is not None:
            yield f"reliability-{name}", reliability_plot(name, *curve)
        if data_uri is not None:
            examples = example_pictures(name, task, rows, options, data_uri, summary["split"])
            if examples is not None:
                yield f"examples-{name}", examples
