"""Where are the pathologies? Each class of a data set is asked by its name; mAP over the boxes (paper, OD)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from chex import vocabulary
from chex.metrics.detection import MatchedBoxes, match_boxes
from chex.records import Box, Query, Sample, ScoredBox
from jobs.evaluation.batch import Batch
from jobs.evaluation.figure import Figure
from jobs.evaluation.finding_boxes import FindingBoxes, by_label
from jobs.evaluation.post_processing import (
    Candidates,
    PostProcessing,
    box_and_score_ways,
    candidates_of,
    class_probability,
    tuned,
)
from jobs.evaluation.task import EvaluationTask, Example, Row, SpreadOf

_MEAN, _HALVES = "mean box of each class on every image", "mean boxes of each class in both halves of every image"


class Detection(EvaluationTask):
    """The classes of `label_set` on the samples that have all their boxes."""

    asks_for = frozenset({"boxes", "classes"})
    tunes = True
    label_set: str
    figure: str

    def __init__(self) -> None:
        words = vocabulary.load()
        self.classes = words.labels_of(self.label_set)
        terms = [words.finding_of(label) for label in self.classes]
        self._queries = [Query(text=term.box_prompt, name=term.id) for term in terms]
        self._training = FindingBoxes()

    def targets(self, sample: Sample) -> list[tuple[str, Box]]:
        """Labels and boxes of the sample; those of other classes do not count."""
        return [(found.label, found.box) for found in sample.annotations.pathology_boxes if found.label in self.classes]

    def learn(self, sample: Sample) -> None:
        self._training.learn(sample.annotations)

    def predict(self, batch: Batch) -> list[Row]:
        return [
            {
                "sample_id": sample.study.sample_id,
                "candidates": [
                    {"label": label, **box}
                    for label, answer in zip(self.classes, answers, strict=True)
                    for box in candidates_of(answer)
                ],
                "probabilities": [class_probability(answer) for answer in answers],
                "targets": [{"label": label, "box": list(box)} for label, box in self.targets(sample)],
            }
            for sample, answers in zip(batch.samples, batch.ask_all(self._queries), strict=True)
        ]

    def tune(self, rows: Sequence[Row]) -> dict[str, Any]:
        found, targets = self._candidates(rows), _targets(rows)
        counts = {label: sum(len(boxes.get(label, ())) for boxes in targets) for label in self.classes}

        def measure(way: PostProcessing) -> tuple[float, dict[str, float]]:
            matches = match_boxes(way(found), targets, self.classes)
            return float(matches.mean_average_precision()[0]), _of_classes(matches)

        default = PostProcessing()
        return tuned(default, box_and_score_ways(default), measure, counts, len(rows))

    def figures(
        self, rows: Sequence[Row], spread: SpreadOf, options: Mapping[str, Any] | None = None
    ) -> dict[str, Figure]:
        targets = _targets(rows)
        way = PostProcessing().from_options(options)
        matches = match_boxes(way(self._candidates(rows)), targets, self.classes)

        def blind(boxes: dict[str, list[ScoredBox]]) -> float:
            return float(match_boxes([boxes] * len(rows), targets, self.classes).mean_average_precision()[0])

        baselines = {
            _MEAN: blind({label: self._training.mean(label) for label in self.classes}),
            _HALVES: blind({label: self._training.halves(label) for label in self.classes}),
        }
        figure = Figure(
            value=float(matches.mean_average_precision()[0]),
            baselines=baselines,
            baseline=max(baselines, key=baselines.get),
            definition=f"mean average precision over IoU 0.1, 0.2, … 0.7 (101 recall points) of {way.in_words()}; "
            "macro: every class with at least one box counts the same; 0 to 1, more is better",
            samples=len(rows),
            spread=spread(matches.mean_average_precision, len(rows)),
            classes={label: value for label, value in _of_classes(matches).items() if not math.isnan(value)},
            class_spreads=spread.of_classes(lambda weights: _of_classes_drawn(matches, weights), len(rows)),
        )
        return {self.figure: figure}

    def row_notes(self) -> dict[str, Any]:
        return {"classes": list(self.classes), "training_boxes": self._training.notes()}

    def recall(self, notes: Mapping[str, Any]) -> None:
        self._training.recall(notes["training_boxes"])

    def example(self, row: Row, options: Mapping[str, Any] | None = None) -> list[Example]:
        way = PostProcessing().from_options(options)
        [found], [targets] = way(self._candidates([row])), _targets([row])
        return [Example(label, tuple(boxes), tuple(found.get(label, ()))) for label, boxes in targets.items()]

    def _candidates(self, rows: Sequence[Row]) -> Candidates:
        return Candidates.of(self.classes, [row["candidates"] for row in rows], [row["probabilities"] for row in rows])


def _targets(rows: Sequence[Row]) -> list[dict[str, list[Box]]]:
    return [by_label(row["targets"]) for row in rows]


def _of_classes(matches: MatchedBoxes) -> dict[str, float]:
    """NaN for a class without a target."""
    return {label: float(values[0]) for label, values in _of_classes_drawn(matches).items()}


def _of_classes_drawn(matches: MatchedBoxes, weights: np.ndarray | None = None) -> dict[str, np.ndarray]:
    """(D,) for every class: its average precision over the mean of the thresholds."""
    return dict(zip(matches.classes, matches.average_precision(weights).mean(axis=2).T, strict=True))
