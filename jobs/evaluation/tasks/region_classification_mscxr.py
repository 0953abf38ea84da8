"""What is wrong in a given box? MS-CXR's 8 categories, asked by the boxes of its phrases (paper, RC)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from chex import vocabulary
from chex.metrics.classification import class_aurocs, rank_classes
from chex.metrics.detection import paired_iou
from chex.records import Box, Query, Sample
from jobs.evaluation.batch import Batch
from jobs.evaluation.figure import Figure
from jobs.evaluation.finding_boxes import FindingBoxes, phrase_boxes
from jobs.evaluation.post_processing import FEWEST_TARGETS
from jobs.evaluation.task import EvaluationTask, Row, SpreadOf

LABEL_SET = "ms-cxr"
Against = Literal["all", "own"]
_AGAINST = {
    "all": "logit of the category less the mean logit of all 8 (in the paper: the centroid of their prompts)",
    "own": "probability of the category",
}
_PLACE, _SAME = "overlap with the category's mean training boxes", "the same answer for every box"
_SURE = 1e-6


class Task(EvaluationTask):
    gives = ("region_mscxr_auroc",)
    needs = "grounded phrases with a category"
    asks_for = frozenset({"classes"})
    tunes = True

    def __init__(self) -> None:
        self._labels = vocabulary.load().labels_of(LABEL_SET)
        self._training = FindingBoxes()

    def learn(self, sample: Sample) -> None:
        self._training.learn(sample.annotations)

    def wants(self, sample: Sample) -> bool:
        return bool(self._boxes(sample))

    def predict(self, batch: Batch) -> list[Row]:
        asked = [self._boxes(sample) for sample in batch.samples]
        answers = batch.ask([[Query(box=box) for _, box in boxes] for boxes in asked], self._labels)
        return [
            {
                "sample_id": sample.study.sample_id,
                "labels": [label for label, _ in boxes],
                "boxes": [list(box) for _, box in boxes],
                "probabilities": [[dict(answer.probabilities)[label] for label in self._labels] for answer in found],
            }
            for sample, boxes, found in zip(batch.samples, asked, answers, strict=True)
        ]

    def tune(self, rows: Sequence[Row]) -> dict[str, Any]:
        count = sum(len(row["labels"]) for row in rows)
        if count < FEWEST_TARGETS:
            return {"against": "all", "tuned_on": 0, "reason": f"defaults: {count} boxes in the validation split"}
        targets = self._targets(rows)
        figures = {way: class_aurocs(_scores(rows, way), targets, self._labels).macro[0] for way in _AGAINST}
        reached = {way: float(np.nan_to_num(figure)) for way, figure in figures.items()}
        best = max(reached, key=reached.get)
        return {"against": best, "tuned_on": len(rows), "before": reached["all"], "after": reached[best]}

    def figures(
        self, rows: Sequence[Row], spread: SpreadOf, options: Mapping[str, Any] | None = None
    ) -> dict[str, Figure]:
        against = (options or {}).get("against", "all")
        sample = np.repeat(np.arange(len(rows)), [len(row["labels"]) for row in rows])
        ranked = rank_classes(_scores(rows, against), self._targets(rows), self._labels, sample, len(rows))
        found = ranked.aurocs()
        by_place = class_aurocs(self._overlaps(rows), self._targets(rows), self._labels).macro[0]
        baselines = {_PLACE: float(by_place), _SAME: 0.5}
        figure = Figure(
            value=float(found.macro[0]),
            baselines=baselines,
            baseline=max(baselines, key=baselines.get),
            definition="AUROC of each category over all boxes, one against the others, asked by the box alone; score = "
            f"{_AGAINST[against]}; macro: every category with a box counts the same; no threshold; 0 to 1, 0.5 without "
            "skill, more is better",
            samples=len(rows),
            spread=spread(lambda weights: ranked.aurocs(weights).macro, len(rows)),
            classes={label: float(value[0]) for label, value in found.per_class.items() if not np.isnan(value[0])},
            class_spreads=spread.of_classes(lambda weights: ranked.aurocs(weights).per_class, len(rows)),
        )
        return {"region_mscxr_auroc": figure}

    def row_notes(self) -> dict[str, Any]:
        return {"labels": list(self._labels), "training_boxes": self._training.notes()}

    def recall(self, notes: Mapping[str, Any]) -> None:
        self._training.recall(notes["training_boxes"])

    def reliability(self, rows: Sequence[Row]) -> tuple[np.ndarray, np.ndarray]:
        return np.concatenate([np.ravel(row["probabilities"]) for row in rows]), self._targets(rows).ravel()

    def _boxes(self, sample: Sample) -> list[tuple[str, Box]]:
        return phrase_boxes(sample.annotations, self._labels)

    def _targets(self, rows: Sequence[Row]) -> np.ndarray:
        """(boxes, 8) of 0 and 1."""
        said = np.array([label for row in rows for label in row["labels"]])
        return (said[:, None] == np.array(self._labels)).astype(int)

    def _overlaps(self, rows: Sequence[Row]) -> np.ndarray:
        """(boxes, 8): the IoU with the best of the category's mean boxes, which needs no image."""
        boxes = [tuple(box) for row in rows for box in row["boxes"]]
        columns = np.zeros((len(boxes), len(self._labels)))
        for place, label in enumerate(self._labels):
            for mean in (*self._training.mean(label), *self._training.halves(label)):
                columns[:, place] = np.maximum(columns[:, place], paired_iou([mean.box] * len(boxes), boxes))
        return columns


def _scores(rows: Sequence[Row], against: Against) -> np.ndarray:
    """(boxes, 8): what ranks the boxes of all rows for every category."""
    scores = np.array([values for row in rows for values in row["probabilities"]], dtype=np.float64)
    if against == "own":
        return scores
    scores = scores.clip(_SURE, 1 - _SURE)
    logits = np.log(scores / (1 - scores))
    return logits - logits.mean(axis=1, keepdims=True)
