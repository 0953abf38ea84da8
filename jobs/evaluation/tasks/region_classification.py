"""What is wrong with a given region? Chest ImaGenome's labels, asked by the region's true box.

`region_auroc` is the paper's weighted AUROC of RC on CIG: per region and label, weighted by positives.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from chex import vocabulary
from chex.metrics.classification import class_aurocs, rank_classes
from chex.metrics.regions import rank_regions, within_region_auroc
from chex.records import Query, Sample
from jobs.evaluation.batch import Batch
from jobs.evaluation.figure import Figure
from jobs.evaluation.task import EvaluationTask, Row, SpreadOf


class Task(EvaluationTask):
    gives = ("region_auroc", "region_auroc_pooled")
    needs = "labelled anatomical regions"
    asks_for = frozenset({"classes"})

    def __init__(self) -> None:
        words = vocabulary.load()
        self._regions = {name: index for index, name in enumerate(words.regions)}
        self._labels = words.labels_of("cig")
        self._column = {label: index for index, label in enumerate(self._labels)}
        self._seen = np.zeros(len(self._regions))
        self._present = np.zeros((len(self._regions), len(self._labels)))

    def learn(self, sample: Sample) -> None:
        for region in self._labelled(sample):
            self._seen[self._regions[region.region]] += 1
            self._present[self._regions[region.region]] += self._targets(region.labels_present)

    def wants(self, sample: Sample) -> bool:
        return bool(self._labelled(sample))

    def predict(self, batch: Batch) -> list[Row]:
        asked = [self._labelled(sample) for sample in batch.samples]
        answers = batch.ask([[Query(box=region.box) for region in regions] for regions in asked], self._labels)
        return [
            {
                "sample_id": sample.study.sample_id,
                "regions": [region.region for region in regions],
                "boxes": [list(region.box) for region in regions],
                "present": [list(region.labels_present) for region in regions],
                "probabilities": [self._probabilities(answer.probabilities) for answer in found],
            }
            for sample, regions, found in zip(batch.samples, asked, answers, strict=True)
        ]

    def row_notes(self) -> dict:
        return {"labels": list(self._labels), "seen": self._seen.tolist(), "present": self._present.tolist()}

    def recall(self, notes: Mapping) -> None:
        self._seen, self._present = np.array(notes["seen"]), np.array(notes["present"])

    def reliability(self, rows: Sequence[Row]) -> tuple[np.ndarray, np.ndarray]:
        scores = np.array([values for row in rows for values in row["probabilities"]], dtype=np.float64)
        return scores.ravel(), np.ravel([self._targets(present) for row in rows for present in row["present"]])

    def figures(self, rows: Sequence[Row], spread: SpreadOf, options: Mapping | None = None) -> dict[str, Figure]:
        regions = np.array([name for row in rows for name in row["regions"]])
        scores = np.array([values for row in rows for values in row["probabilities"]], dtype=np.float64)
        targets = np.stack([self._targets(present) for row in rows for present in row["present"]])
        image = np.repeat(np.arange(len(rows)), [len(row["regions"]) for row in rows])

        ranked = rank_regions(scores, targets, regions, self._labels, image, len(rows))
        ranked_together = rank_classes(scores, targets, self._labels, image, len(rows))

        def within(weights: np.ndarray) -> np.ndarray:
            return ranked.aurocs(weights).overall

        def pooled(weights: np.ndarray) -> np.ndarray:
            return ranked_together.aurocs(weights).weighted

        overall, pairs = within_region_auroc(scores, targets, regions, self._labels)
        by_class = class_aurocs(scores, targets, self._labels)
        prior = self._prior()[[self._regions[name] for name in regions]]
        within_prior, _ = within_region_auroc(prior, targets, regions, self._labels)
        return {
            "region_auroc": Figure(
                value=float(overall[0]),
                baselines={"how often the region has the label": float(within_prior[0])},
                baseline="how often the region has the label",
                definition="AUROC over images for every (region, label) with a positive and a negative, asked by the "
                "region's box; mean over these pairs, weighted by positives; no threshold; 0 to 1, 0.5 without skill, "
                "more is better",
                samples=len(rows),
                spread=spread(within, len(rows)),
                classes={f"{region}: {label}": value for (region, label), value in pairs.items()},
            ),
            "region_auroc_pooled": Figure(
                value=float(by_class.weighted[0]),
                baselines={
                    "how often the region has the label": float(class_aurocs(prior, targets, self._labels).weighted[0])
                },
                baseline="how often the region has the label",
                definition="AUROC per label over all regions of all images together; mean over labels, weighted by "
                "positives; no threshold; 0 to 1, more is better (knowing where findings tend to be helps)",
                samples=len(rows),
                spread=spread(pooled, len(rows)),
                classes={
                    label: float(value[0]) for label, value in by_class.per_class.items() if not np.isnan(value[0])
                },
                class_spreads=spread.of_classes(lambda weights: ranked_together.aurocs(weights).per_class, len(rows)),
            ),
        }

    def _labelled(self, sample: Sample) -> list:
        return [region for region in sample.annotations.anatomy if region.labelled and region.region in self._regions]

    def _targets(self, present: Sequence[str]) -> np.ndarray:
        """(L,) of 0 and 1; labels of other sets do not count."""
        targets = np.zeros(len(self._labels))
        targets[[self._column[label] for label in present if label in self._column]] = 1
        return targets

    def _prior(self) -> np.ndarray:
        """(regions, L): the share of the training images in which the region has the label."""
        return self._present / np.maximum(self._seen, 1)[:, None]

    def _probabilities(self, answered: Sequence[tuple[str, float]]) -> list[float]:
        by_label = dict(answered)
        return [by_label[label] for label in self._labels]
