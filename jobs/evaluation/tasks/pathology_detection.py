"""Where are the pathologies? mAP on VinDr-CXR's boxes against the mean box of each class on every image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from chex import vocabulary
from chex.metrics.detection import match_boxes, mean_average_precision
from chex.records import Query, Sample, ScoredBox
from jobs.evaluation.batch import Batch
from jobs.evaluation.figure import Figure
from jobs.evaluation.mean_box import MeanBox
from jobs.evaluation.task import EvaluationTask, Row, SpreadOf

LABEL_SET = "vindr"


class Task(EvaluationTask):
    gives = ("pathology_map",)
    needs = "VinDr-CXR annotations (labels or boxes)"
    asks_for = frozenset({"boxes", "classes"})

    def __init__(self) -> None:
        words = vocabulary.load()
        self._classes = words.labels_of(LABEL_SET)
        terms = [words.finding_of(label) for label in self._classes]
        self._queries = [Query(text=term.box_prompt, name=term.id) for term in terms]
        self._means = {label: MeanBox() for label in self._classes}
        self._images_with = dict.fromkeys(self._classes, 0)
        self._images = 0

    def learn(self, sample: Sample) -> None:
        if not self.wants(sample):
            return
        self._images += 1
        boxes = [box for box in sample.annotations.pathology_boxes if box.label in self._means]
        for box in boxes:
            self._means[box.label].add(box.box)
        for label in {box.label for box in boxes}:
            self._images_with[label] += 1

    def wants(self, sample: Sample) -> bool:
        said = sample.annotations
        return any(found.label.startswith(f"{LABEL_SET}/") for found in (*said.pathology_labels, *said.pathology_boxes))

    def predict(self, batch: Batch) -> list[Row]:
        rows = []
        for sample, answers in zip(batch.samples, batch.ask_all(self._queries), strict=True):
            found = [
                {"label": label, "box": list(scored.box), "score": scored.score}
                for label, answer in zip(self._classes, answers, strict=True)
                for scored in answer.boxes
            ]
            targets = [
                {"label": target.label, "box": list(target.box)}
                for target in sample.annotations.pathology_boxes
                if target.label in self._means
            ]
            rows.append({"sample_id": sample.study.sample_id, "predictions": found, "targets": targets})
        return rows

    def figures(self, rows: Sequence[Row], spread: SpreadOf, options: Mapping | None = None) -> dict[str, Figure]:
        targets = [_by_label(row["targets"], lambda entry: tuple(entry["box"])) for row in rows]
        predictions = [
            _by_label(row["predictions"], lambda entry: ScoredBox(tuple(entry["box"]), entry["score"])) for row in rows
        ]
        baseline = mean_average_precision([self._everywhere()] * len(rows), targets, self._classes)
        found = mean_average_precision(predictions, targets, self._classes)
        matches = match_boxes(predictions, targets, self._classes) if spread.draws else None
        figure = Figure(
            value=found.mean,
            baselines={"mean box of each class on every image": baseline.mean},
            baseline="mean box of each class on every image",
            definition="mean average precision over IoU 0.1, 0.2, … 0.7 (101 recall points); score = box score × class "
            "probability, of all boxes; macro: every class with at least one box counts the same; 0 to 1, more is better",
            samples=len(rows),
            spread=spread(matches.mean_average_precision, len(rows)) if matches else None,
            classes={label: value for label, value in found.per_class.items() if found.targets[label]},
        )
        return {"pathology_map": figure}

    def _everywhere(self) -> dict[str, list[ScoredBox]]:
        """The baseline's boxes: per class the mean box, scored with the class's frequency."""
        return {
            label: [ScoredBox(mean.box, self._images_with[label] / self._images)]
            for label, mean in self._means.items()
            if mean.box is not None
        }


def _by_label(entries: list[dict], value) -> dict[str, list]:
    grouped: dict[str, list] = {}
    for entry in entries:
        grouped.setdefault(entry["label"], []).append(value(entry))
    return grouped
