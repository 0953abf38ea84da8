"""Does an answer stay when a finding is called by another name? Every synonym of the vocabulary is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from chex import vocabulary
from chex.records import Query, Sample
from jobs.evaluation.batch import Batch
from jobs.evaluation.figure import Figure
from jobs.evaluation.robustness.agreement import MEASURES, Answers, Change, agreement_figures
from jobs.evaluation.task import EvaluationTask, Row, SpreadOf

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing


class Task(EvaluationTask):
    gives = tuple(f"prompt_stability_{measure}" for measure in MEASURES)
    needs = "labels or boxes of findings"
    asks_for = frozenset({"boxes", "classes"})

    def __init__(self) -> None:
        words = vocabulary.load()
        terms = [words.finding_of(label) for label in words.labels_of("vindr-top15")]
        texts = [(term, text) for term in terms for text in dict.fromkeys((term.box_prompt, *term.synonyms))]
        self._queries = [Query(text=text, name=term.id) for term, text in texts]

    def learn(self, sample: Sample) -> None:
        """The baseline is what is answered about another image."""

    def wants(self, sample: Sample) -> bool:
        return bool(sample.annotations.pathology_labels or sample.annotations.pathology_boxes)

    def predict(self, batch: Batch) -> list[Row]:
        return [
            {
                "sample_id": sample.study.sample_id,
                "findings": [query.name for query in self._queries],
                "texts": [query.text for query in self._queries],
                "boxes": [list(answer.boxes[0].box) for answer in answers],
                "probabilities": [float(dict(answer.probabilities)[answer.query.name]) for answer in answers],
            }
            for sample, answers in zip(batch.samples, batch.ask_all(self._queries), strict=True)
        ]

    def figures(
        self, rows: Sequence[Row], spread: SpreadOf, options: Mapping[str, Any] | None = None
    ) -> dict[str, Figure]:
        under = "findings of each image asked by a synonym instead of their name"
        return agreement_figures("prompt_stability", _changes(rows), len(rows), spread, under)

    def pictures(self, rows: Sequence[Row], options: Mapping[str, Any] | None = None) -> dict[str, Drawing]:
        from jobs.evaluation.robustness.charts import agreement_chart

        return {"prompt_stability": agreement_chart(_changes(rows), "Another name for the finding: what stays?")}


def _changes(rows: Sequence[Row]) -> dict[str, Change]:
    """By text, the answers to a synonym against those to the finding's first text, which is its name."""
    findings, texts = rows[0]["findings"], rows[0]["texts"]
    boxes = np.array([row["boxes"] for row in rows], dtype=np.float64)  # (rows, texts, 4)
    probabilities = np.array([row["probabilities"] for row in rows], dtype=np.float64)
    changes = {}
    for place, (finding, text) in enumerate(zip(findings, texts, strict=True)):
        if (first := findings.index(finding)) != place:
            changes[f"{text} ({texts[first]})"] = Change(
                Answers(boxes[:, first], probabilities[:, first]),
                Answers(boxes[:, place], probabilities[:, place]),
                Answers(np.roll(boxes[:, place], -1, axis=0), np.roll(probabilities[:, place], -1)),
                np.arange(len(rows)),
            )
    return changes
