"""True boxes of findings, each asked for in several ways: which box and which probability does every way give?"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chex import vocabulary
from chex.records import Box, Sample, ScoredBox
from chex.vocabulary import FindingTerm
from chex.vocabulary.located import Side
from jobs.evaluation.batch import Batch
from jobs.evaluation.finding_boxes import FindingBoxes
from jobs.evaluation.interactive.lungs import Lungs
from jobs.evaluation.interactive.questions import Ways, answer_row, ask_ways
from jobs.evaluation.task import EvaluationTask, Example, Row


@dataclass(frozen=True, slots=True)
class Prompted:
    """A case: the finding, how it is asked for, and what else its row says (plain values)."""

    finding: FindingTerm
    ways: Ways
    values: Mapping[str, Any]


class PromptedFindings(EvaluationTask):
    """A row has `cases`: `finding`, the values of `Prompted` (`target` among them), and `answers`, one per way."""

    asks_for = frozenset({"boxes", "classes"})

    def __init__(self) -> None:
        self.lungs, self._training = Lungs(), FindingBoxes()

    @abstractmethod
    def cases_of(self, sample: Sample) -> list[Prompted]: ...

    def learn(self, sample: Sample) -> None:
        self.lungs.learn(sample.annotations)
        self._training.learn(sample.annotations)

    def wants(self, sample: Sample) -> bool:
        return bool(self.cases_of(sample))

    def predict(self, batch: Batch) -> list[Row]:
        asked = [self.cases_of(sample) for sample in batch.samples]
        answered = ask_ways(batch, [[case.ways for case in some] for some in asked])
        return [
            {
                "sample_id": sample.study.sample_id,
                "cases": [
                    {
                        "finding": case.finding.id,
                        **case.values,
                        "answers": [answer_row(way, answer, case.finding.id) for way, answer in answers.items()],
                    }
                    for case, answers in zip(some, found, strict=True)
                ],
            }
            for sample, some, found in zip(batch.samples, asked, answered, strict=True)
        ]

    def example(self, row: Row, options: Mapping[str, Any] | None = None) -> list[Example]:
        return [
            Example(answer["text"], (tuple(case["target"]),), (ScoredBox(tuple(answer["box"]), answer["score"]),))
            for case in row["cases"][:1]
            for answer in case["answers"]
        ]

    def row_notes(self) -> dict[str, Any]:
        return {"lungs": self.lungs.notes(), "training_boxes": self._training.notes()}

    def recall(self, notes: Mapping[str, Any]) -> None:
        self.lungs.recall(notes["lungs"])
        self._training.recall(notes["training_boxes"])

    def blind_box(self, finding_id: str, side: Side) -> Box:
        """The mean training box of the finding on this side: what one says without looking at the image."""
        label = vocabulary.load().findings[finding_id].labels[0]
        return self._training.on_side(label, side)[0].box
