"""Which pathologies does an image have? Each is asked as a prompt; AUROC and average precision against its labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from chex import vocabulary
from chex.metrics.classification import ClassFigures, rank_classes
from chex.records import Query, Sample
from jobs.evaluation.batch import Batch
from jobs.evaluation.figure import Figure
from jobs.evaluation.task import EvaluationTask, Row, SpreadOf

_UNKNOWN = -1
_SAME = "the same score for every image"
_PRECISION = "average precision (sum of the precision-recall curve's steps)"
_SHARE = "without skill the share of images with the label"


class Task(EvaluationTask):
    gives = ("image_auroc", "image_ap")
    needs = "image labels that are present or absent"
    asks_for = frozenset({"classes"})

    def __init__(self) -> None:
        self._words = vocabulary.load()

    def learn(self, sample: Sample) -> None:
        """The baseline needs no data: without the image, every image gets the same score."""

    def wants(self, sample: Sample) -> bool:
        return bool(self._known(sample))

    def predict(self, batch: Batch) -> list[Row]:
        known = [self._known(sample) for sample in batch.samples]
        answers = batch.ask([[self._query(label) for label in labels] for labels in known])
        rows = []
        for sample, labels, found in zip(batch.samples, known, answers, strict=True):
            probabilities = [dict(answer.probabilities)[answer.query.name] for answer in found]
            rows.append(
                {
                    "sample_id": sample.study.sample_id,
                    "labels": list(labels),
                    "values": list(labels.values()),
                    "probabilities": probabilities,
                }
            )
        return rows

    def figures(self, rows: Sequence[Row], spread: SpreadOf, options: Mapping | None = None) -> dict[str, Figure]:
        labels = sorted({label for row in rows for label in row["labels"]})
        column = {label: index for index, label in enumerate(labels)}
        scores, targets = np.zeros((len(rows), len(labels))), np.full((len(rows), len(labels)), _UNKNOWN)
        for index, row in enumerate(rows):
            places = [column[label] for label in row["labels"]]
            scores[index, places], targets[index, places] = row["probabilities"], row["values"]
        ranked = rank_classes(scores, targets, labels)
        share = float(ranked.shares().macro[0])
        return {
            "image_auroc": _figure(ranked.aurocs, 0.5, "AUROC", "0.5 without skill", len(rows), spread),
            "image_ap": _figure(ranked.average_precisions, share, _PRECISION, _SHARE, len(rows), spread),
        }

    def reliability(self, rows: Sequence[Row]) -> tuple[np.ndarray, np.ndarray]:
        return tuple(np.array([value for row in rows for value in row[name]]) for name in ("probabilities", "values"))

    def _known(self, sample: Sample) -> dict[str, int]:
        return {label.label: label.value for label in sample.annotations.pathology_labels if label.value in (0, 1)}

    def _query(self, label: str) -> Query:
        term = self._words.finding_of(label)
        return Query(text=term.box_prompt, name=term.id)


def _figure(
    score: Callable[..., ClassFigures], blind: float, what: str, unskilled: str, samples: int, spread: SpreadOf
) -> Figure:
    """score: of weights (D, N), the figures of all labels; blind: what the same score for every image reaches."""
    found = score()
    return Figure(
        value=float(found.macro[0]),
        baselines={_SAME: blind},
        baseline=_SAME,
        definition=f"{what} per image label that is stated present in one image and absent in another, "
        "score = probability of the pathology in the answer to its prompt; macro: every label counts the same; "
        f"no threshold; 0 to 1, {unskilled}, more is better",
        samples=samples,
        spread=spread(lambda weights: score(weights).macro, samples),
        classes={label: float(value[0]) for label, value in found.per_class.items() if not np.isnan(value[0])},
        class_spreads=spread.of_classes(lambda weights: score(weights).per_class, samples),
    )
