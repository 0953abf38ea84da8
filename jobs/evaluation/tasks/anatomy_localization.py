"""Where are the anatomical regions? Asked by name; mean IoU against the training set's mean boxes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from chex import vocabulary
from chex.metrics.bootstrap import weighted_mean
from chex.metrics.detection import paired_iou
from chex.records import Query, Sample
from jobs.evaluation.batch import Batch
from jobs.evaluation.figure import Figure
from jobs.evaluation.region_boxes import RegionBoxes
from jobs.evaluation.task import EvaluationTask, Row, SpreadOf

_NOWHERE = (0.0, 0.0, 0.0, 0.0)


class Task(EvaluationTask):
    gives = ("anatomy_mean_iou",)
    needs = "boxes of anatomical regions"
    asks_for = frozenset({"boxes"})

    def __init__(self) -> None:
        terms = vocabulary.load().regions
        self._queries = {name: Query(text=term.prompt, name=name) for name, term in terms.items()}
        self._training = RegionBoxes()

    def learn(self, sample: Sample) -> None:
        self._training.learn(sample.annotations)

    def wants(self, sample: Sample) -> bool:
        return any(region.region in self._queries for region in sample.annotations.anatomy)

    def predict(self, batch: Batch) -> list[Row]:
        targets = [
            {region.region: region.box for region in sample.annotations.anatomy if region.region in self._queries}
            for sample in batch.samples
        ]
        answers = batch.ask([[self._queries[name] for name in regions] for regions in targets])
        rows = []
        for sample, regions, found in zip(batch.samples, targets, answers, strict=True):
            best = [answer.boxes[0] for answer in found]
            rows.append(
                {
                    "sample_id": sample.study.sample_id,
                    "regions": list(regions),
                    "targets": [list(box) for box in regions.values()],
                    "boxes": [list(scored.box) for scored in best],
                    "scores": [scored.score for scored in best],
                    "baseline_boxes": [list(self._training.box(name) or _NOWHERE) for name in regions],
                }
            )
        return rows

    def figures(self, rows: Sequence[Row], spread: SpreadOf, options: Mapping | None = None) -> dict[str, Figure]:
        def flat(column: str) -> list:
            return [value for row in rows for value in row[column]]

        regions, targets = np.array(flat("regions")), flat("targets")
        image = np.repeat(np.arange(len(rows)), [len(row["regions"]) for row in rows])
        values, baseline = paired_iou(flat("boxes"), targets), paired_iou(flat("baseline_boxes"), targets)
        figure = Figure(
            value=float(values.mean()),
            baselines={"mean box of the region": float(baseline.mean())},
            baseline="mean box of the region",
            definition="mean IoU of the best-scored box of each region asked by its name; micro: every region of every "
            "image counts the same; no threshold; 0 to 1, more is better",
            samples=len(rows),
            spread=spread(lambda weights: weighted_mean(values, weights[:, image]), len(rows)),
            classes={name: float(values[regions == name].mean()) for name in self._queries if name in regions},
        )
        return {"anatomy_mean_iou": figure}
