"""Images with what is true and what was found, on a few samples of a task that draws boxes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from chex.exports.legend import COLOURS
from chex.pixels import decode_stored
from jobs.evaluation.plots.layout import INK, drawing
from jobs.evaluation.task import EvaluationTask, Example, Row
from pipelines.shards import samples

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

_COLUMNS, _ROWS = 4, 2
_MOST_QUESTIONS, _MOST_FOUND = 3, 2
_DEFINITION = (
    "A colour is a question. Dashed: its true boxes. Solid: what was found, the best box thick and the second thin, with "
    "their scores; the figures count all boxes. The samples are taken at even distances from all that have true boxes."
)


def example_pictures(
    name: str, task: EvaluationTask, rows: Sequence[Row], options: Mapping[str, Any] | None, data_uri: str, split: str
) -> Drawing | None:
    """A sheet of images, chosen without a look at how good they are; None where the task has no boxes to show."""
    chosen = _chosen(task, rows, options)
    images = _images(data_uri, split, set(chosen))
    if not images:
        return None
    lines = -(-len(images) // _COLUMNS)
    made = drawing(12.4, 3.95 * lines, f"Examples: {name}", _DEFINITION)
    for place, (sample_id, image) in enumerate(sorted(images.items(), key=lambda item: list(chosen).index(item[0]))):
        axes = made.add_subplot(lines, _COLUMNS, place + 1)
        axes.imshow(image, cmap="gray", vmin=0, vmax=255, extent=(0, 1, 1, 0), aspect=image.shape[0] / image.shape[1])
        axes.set_xticks([])
        axes.set_yticks([])
        axes.set_anchor("N")
        for number, example in enumerate(chosen[sample_id]):
            _draw(axes, number, example)
        axes.legend(
            loc="upper center", bbox_to_anchor=(0.5, -0.01), frameon=False, fontsize=7, labelcolor=INK, handlelength=1.4
        )
    return made


def _chosen(task: EvaluationTask, rows: Sequence[Row], options: Mapping[str, Any] | None) -> dict[str, list[Example]]:
    """By sample what to draw, for rows at even distances among those with true boxes."""
    shown: dict[str, list[Example]] = {}
    count = _COLUMNS * _ROWS
    for start in np.linspace(0, len(rows), count, endpoint=False).astype(int):
        for row in rows[start:]:
            examples = [example for example in task.example(row, options) if example.true][:_MOST_QUESTIONS]
            if examples and row["sample_id"] not in shown:
                shown[row["sample_id"]] = examples
                break
    return shown


def _images(data_uri: str, split: str, wanted: set[str]) -> dict[str, np.ndarray]:
    """(H, W) uint8 by sample id; the other images are passed by without being decoded."""
    found: dict[str, np.ndarray] = {}
    if not wanted:
        return found
    datasets = sorted({sample_id.split("/", 1)[0] for sample_id in wanted})
    for dataset in datasets:
        missing = {sample_id for sample_id in wanted if sample_id.split("/", 1)[0] == dataset}
        for sample in samples(data_uri, split, dataset=dataset, columns=("sample_id", "image_id", "image")):
            if sample.study.sample_id in missing:
                found[sample.study.sample_id] = decode_stored(sample.image)
                missing.remove(sample.study.sample_id)
            if not missing:
                break
    return found


def _draw(axes, number: int, example: Example) -> None:
    from matplotlib.patches import Rectangle

    colour = tuple(part / 255 for part in COLOURS[number])
    for box in example.true:
        axes.add_patch(_rectangle(Rectangle, box, edgecolor="black", linewidth=2.8))
        axes.add_patch(_rectangle(Rectangle, box, edgecolor=colour, linewidth=1.5, linestyle=(0, (3, 2))))
    best = example.found[:_MOST_FOUND]
    scores = ", ".join(f"{scored.score:.2f}" for scored in best) or "nothing found"
    label = f"{_short(example.asked)}: {scores}"
    axes.plot([], [], color=colour, linewidth=2, label=label)
    for place, scored in enumerate(best):
        axes.add_patch(_rectangle(Rectangle, scored.box, edgecolor=colour, linewidth=2.0 if place == 0 else 1.0))


def _rectangle(kind, box, **style):
    return kind((box[0], box[1]), box[2] - box[0], box[3] - box[1], fill=False, **style)


def _short(text: str, letters: int = 44) -> str:
    return text if len(text) <= letters else f"{text[: letters - 1]}…"
