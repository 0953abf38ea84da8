"""Where is what a sentence describes? MS-CXR's phrases as prompts; area covered, and mAP over phrases (paper, SG)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from chex.inference.box_choice import BoxChoice
from chex.metrics.detection import MatchedBoxes, match_boxes
from chex.metrics.overlap import Overlaps, covered_areas
from chex.records import Box, Query, Sample, ScoredBox
from jobs.evaluation.batch import Batch
from jobs.evaluation.figure import Figure
from jobs.evaluation.finding_boxes import WHOLE_IMAGE, FindingBoxes
from jobs.evaluation.post_processing import Candidates, PostProcessing, box_ways, candidates_of, tuned
from jobs.evaluation.task import EvaluationTask, Example, Row, SpreadOf

LEAST_SCORES = (0.1, 0.2, 0.3, 0.4, 0.5)
DEFAULT = PostProcessing(BoxChoice(score="box", nms_iou=0.25, least_score=0.3))
_CLASS = "phrase"  # all phrases are one class
_SIDE, _WHOLE = "mean training box of the phrase's finding, on the side that it names", "the whole image"


class Task(EvaluationTask):
    gives = ("grounding_miou", "grounding_map")
    needs = "grounded phrases"
    asks_for = frozenset({"boxes"})
    tunes = True

    def __init__(self) -> None:
        self._training = FindingBoxes()

    def learn(self, sample: Sample) -> None:
        self._training.learn(sample.annotations)

    def wants(self, sample: Sample) -> bool:
        return bool(sample.annotations.grounded)

    def predict(self, batch: Batch) -> list[Row]:
        asked = [sample.annotations.grounded for sample in batch.samples]
        answers = batch.ask([[Query(text=said.phrase) for said in phrases] for phrases in asked])
        return [
            {
                "sample_id": sample.study.sample_id,
                "phrases": [said.phrase for said in phrases],
                "labels": [said.label for said in phrases],
                "targets": [[list(box) for box in said.boxes] for said in phrases],
                "candidates": [candidates_of(answer) for answer in found],
            }
            for sample, phrases, found in zip(batch.samples, asked, answers, strict=True)
        ]

    def tune(self, rows: Sequence[Row]) -> dict[str, Any]:
        found, targets = _candidates(rows), _flat(rows, "targets")

        def measure(way: PostProcessing) -> tuple[float, dict[str, float]]:
            said = [boxes.get(_CLASS, []) for boxes in way(found)]
            both = float(_matched(said, targets).mean_average_precision()[0] + _Covered(said, targets)()[0]) / 2
            return both, {_CLASS: both}

        return tuned(DEFAULT, box_ways(DEFAULT), measure, {_CLASS: sum(map(len, targets))}, len(rows))

    def figures(
        self, rows: Sequence[Row], spread: SpreadOf, options: Mapping[str, Any] | None = None
    ) -> dict[str, Figure]:
        way = DEFAULT.from_options(options)
        said = [boxes.get(_CLASS, []) for boxes in way(_candidates(rows))]
        targets, labels = _flat(rows, "targets"), np.array(_flat(rows, "labels"), dtype=object)
        sample = np.repeat(np.arange(len(rows)), [len(row["phrases"]) for row in rows])
        blind = {
            _SIDE: [self._training.on_side(label, text) for label, text in zip(labels, _flat(rows, "phrases"))],
            _WHOLE: [[ScoredBox(WHOLE_IMAGE, 1.0)]] * len(targets),
        }
        figures = {}
        for name, (score_of, what) in _SCORES.items():
            score = score_of(said, targets)
            baselines = {kind: float(score_of(boxes, targets)()[0]) for kind, boxes in blind.items()}
            figures[name] = Figure(
                value=float(score()[0]),
                baselines=baselines,
                baseline=max(baselines, key=baselines.get),
                definition=f"{what}; {way.in_words()}; 0 to 1, more is better",
                samples=len(rows),
                spread=spread(lambda weights, score=score: score(weights[:, sample]), len(rows)),
                classes=self._by_label(score_of, said, targets, labels),
            )
        return figures

    def row_notes(self) -> dict[str, Any]:
        return {"training_boxes": self._training.notes()}

    def recall(self, notes: Mapping[str, Any]) -> None:
        self._training.recall(notes["training_boxes"])

    def example(self, row: Row, options: Mapping[str, Any] | None = None) -> list[Example]:
        found = DEFAULT.from_options(options)(_candidates([row]))
        return [
            Example(phrase, tuple(map(tuple, true)), tuple(boxes.get(_CLASS, ())))
            for phrase, true, boxes in zip(row["phrases"], row["targets"], found, strict=True)
        ]

    def _by_label(self, score_of, said: list, targets: list, labels: np.ndarray) -> dict[str, float]:
        """The figure over the phrases of each category."""
        of_label = {label: np.flatnonzero(labels == label) for label in sorted({*labels} - {None})}
        return {
            label: float(score_of([said[p] for p in places], [targets[p] for p in places])()[0])
            for label, places in of_label.items()
        }


class _Covered:
    """mIoU of phrases under weights (D, phrases)."""

    def __init__(self, said: Sequence[Sequence[ScoredBox]], targets: Sequence[Sequence[Box]]) -> None:
        self._areas: list[Overlaps] = [covered_areas(said, targets, least) for least in LEAST_SCORES]

    def __call__(self, weights: np.ndarray | None = None) -> np.ndarray:
        return np.mean([areas.micro(weights) for areas in self._areas], axis=0)


def _precision(said: Sequence[Sequence[ScoredBox]], targets: Sequence[Sequence[Box]]):
    return partial(MatchedBoxes.mean_average_precision, _matched(said, targets))


def _matched(said: Sequence[Sequence[ScoredBox]], targets: Sequence[Sequence[Box]]) -> MatchedBoxes:
    return match_boxes([{_CLASS: boxes} for boxes in said], [{_CLASS: boxes} for boxes in targets], [_CLASS])


def _candidates(rows: Sequence[Row]) -> Candidates:
    found = [[{"label": _CLASS, **box} for box in boxes] for boxes in _flat(rows, "candidates")]
    return Candidates.of([_CLASS], found, [[1.0]] * len(found))


def _flat(rows: Sequence[Row], column: str) -> list:
    return [value for row in rows for value in row[column]]


_AREA = (
    "area that the boxes of a phrase share with its true ones over the area that they cover together, micro over all "
    "phrases (large areas count more), mean over least box scores 0.1, 0.2, … 0.5"
)
_AVERAGE = (
    "mean average precision over IoU 0.1, 0.2, … 0.7 (101 recall points) of the boxes of all phrases together, micro: "
    "every true box counts the same"
)
_SCORES = {"grounding_miou": (_Covered, _AREA), "grounding_map": (_precision, _AVERAGE)}
