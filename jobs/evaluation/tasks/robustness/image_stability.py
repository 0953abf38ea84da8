"""Does an answer stay when the image is moved a little, brighter, or compressed? Boxes, probabilities and labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from chex import vocabulary
from chex.inference.features import Answer
from chex.records import Query, Sample
from jobs.evaluation.batch import Batch
from jobs.evaluation.figure import Figure
from jobs.evaluation.robustness.agreement import MEASURES, Answers, Change, agreement_figures
from jobs.evaluation.robustness.perturbations import PERTURBATIONS
from jobs.evaluation.task import EvaluationTask, Row, SpreadOf

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing


class Task(EvaluationTask):
    gives = tuple(f"image_stability_{measure}" for measure in MEASURES)
    needs = "labels or boxes of findings"
    asks_for = frozenset({"boxes", "classes"})

    def __init__(self) -> None:
        words = vocabulary.load()
        terms = [words.finding_of(label) for label in words.labels_of("vindr-top15")]
        self._queries = [Query(text=term.box_prompt, name=term.id) for term in terms]

    def learn(self, sample: Sample) -> None:
        """The baseline is what is answered about another image."""

    def wants(self, sample: Sample) -> bool:
        return bool(sample.annotations.pathology_labels or sample.annotations.pathology_boxes)

    def predict(self, batch: Batch) -> list[Row]:
        rows: list[Row] = [
            {"sample_id": sample.study.sample_id, **_values(answers), "changes": []}
            for sample, answers in zip(batch.samples, batch.ask_all(self._queries), strict=True)
        ]
        for name, perturb in PERTURBATIONS.items():
            perturbed = [perturb(image, np.array(row["boxes"])) for image, row in zip(batch.images, rows, strict=True)]
            features = batch.session.encode([image for image, _ in perturbed])
            found = batch.session.reader.detect(features, [self._queries] * len(features))
            for row, answers, (_, boxes) in zip(rows, found, perturbed, strict=True):
                row["changes"].append({"name": name, "expected": boxes.tolist(), **_values(answers)})
        return rows

    def figures(
        self, rows: Sequence[Row], spread: SpreadOf, options: Mapping[str, Any] | None = None
    ) -> dict[str, Figure]:
        under = f"{len(self._queries)} findings of each image, asked again after the image was changed"
        return agreement_figures("image_stability", _changes(rows), len(rows), spread, under)

    def pictures(self, rows: Sequence[Row], options: Mapping[str, Any] | None = None) -> dict[str, Drawing]:
        from jobs.evaluation.robustness.charts import agreement_chart

        return {"image_stability": agreement_chart(_changes(rows), "The image is changed a little: what stays?")}


def _values(answers: Sequence[Answer]) -> dict[str, list]:
    return {
        "boxes": [list(answer.boxes[0].box) for answer in answers],
        "probabilities": [float(dict(answer.probabilities)[answer.query.name]) for answer in answers],
    }


def _changes(rows: Sequence[Row]) -> dict[str, Change]:
    plain = _joined([{"boxes": row["boxes"], "probabilities": row["probabilities"]} for row in rows])
    sample = np.repeat(np.arange(len(rows)), [len(row["boxes"]) for row in rows])
    changes = {}
    for number, name in enumerate(change["name"] for change in rows[0]["changes"]):
        of_rows = [row["changes"][number] for row in rows]
        expected = Answers(np.concatenate([np.reshape(c["expected"], (-1, 4)) for c in of_rows]), plain.probabilities)
        changes[name] = Change(expected, _joined(of_rows), _joined([*of_rows[1:], of_rows[0]]), sample)
    return changes


def _joined(parts: Sequence[Mapping[str, list]]) -> Answers:
    boxes = np.concatenate([np.reshape(part["boxes"], (-1, 4)) for part in parts])
    return Answers(boxes, np.concatenate([part["probabilities"] for part in parts]))
