"""Findings asked by text, by box, by both, or by their region: what does the sentence say? (Paper, figure 6b.)"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from chex.metrics.label_reader import rule_based_label_reader
from chex.metrics.meteor import MeteorMissing, meteor, meteor_counts
from chex.records import Query, Sample
from chex.vocabulary.located import located
from jobs.evaluation.batch import Batch
from jobs.evaluation.figure import Figure
from jobs.evaluation.interactive.cases import Cases, giou
from jobs.evaluation.interactive.instances import Instance, instances_of
from jobs.evaluation.interactive.lungs import Lungs
from jobs.evaluation.interactive.questions import answer_row, ask_ways
from jobs.evaluation.interactive.said import Said, chexpert_label
from jobs.evaluation.task import EvaluationTask, ReportLabels, Row, SpreadOf, read_by

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

KINDS = {
    "pathology": "the finding's name",
    "box": "its true box",
    "pathology_and_box": "name and true box",
    "anatomy": "the name of its lung",
    "pathology_in_anatomy": "name and lung",
}
_BOX_GIVEN = ("box", "pathology_and_box")
_CASES = "cases with a true box on a side and a phrase about it"
_ANOTHER = "what is said of another case"
_NAME = "asked by the finding's name"


class Task(EvaluationTask):
    gives = tuple(
        f"query_kinds_{what}_{kind}"
        for kind in KINDS
        for what in ("stated", "others", "rouge_l", "meteor", *(() if kind in _BOX_GIVEN else ("giou",)))
    )
    needs = "grounded phrases about a finding on a side"
    asks_for = frozenset({"boxes", "classes", "sentences"})

    def __init__(self) -> None:
        self._lungs = Lungs()
        self._reader: ReportLabels = rule_based_label_reader()
        self._missing: dict[str, str] = {}

    @property
    def left_out(self) -> dict[str, str]:
        return self._missing

    def learn(self, sample: Sample) -> None:
        """The baselines are other cases' answers."""

    def wants(self, sample: Sample) -> bool:
        return bool(self._targets(sample))

    def predict(self, batch: Batch) -> list[Row]:
        targets = [self._targets(sample) for sample in batch.samples]
        answered = ask_ways(batch, [[self._ways(target) for target in some] for some in targets])
        asked = [[answer for answers in some for answer in answers.values()] for some in answered]
        said = map(iter, batch.session.writer.describe(asked))
        rows = []
        for sample, some, found, sentences in zip(batch.samples, targets, answered, said, strict=True):
            cases = [
                {
                    "finding": target.finding.id,
                    "target": list(target.box),
                    "phrase": target.phrase,
                    "answers": [
                        {**answer_row(kind, answer, target.finding.id), "sentence": next(sentences)}
                        for kind, answer in answers.items()
                    ],
                }
                for target, answers in zip(some, found, strict=True)
            ]
            rows.append({"sample_id": sample.study.sample_id, "cases": cases})
        return rows

    def figures(
        self, rows: Sequence[Row], spread: SpreadOf, options: Mapping[str, Any] | None = None
    ) -> dict[str, Figure]:
        cases = Cases(rows)
        measured = self._measures(cases)
        figures = {}
        for kind, asked_by in KINDS.items():
            for what, (definition, of_kind) in measured.items():
                if (name := f"query_kinds_{what}_{kind}") in self.gives:
                    figures[name] = cases.mean(
                        of_kind(kind, 0),
                        spread,
                        f"{definition}; {_CASES}, asked by {asked_by}",
                        {_NAME: of_kind("pathology", 0), _ANOTHER: of_kind(kind, 1)},
                    )
        language, self._missing = self._meteors(cases, spread)
        return figures | language

    def pictures(self, rows: Sequence[Row], options: Mapping[str, Any] | None = None) -> dict[str, Drawing]:
        from jobs.evaluation.interactive.charts import bars

        cases = Cases(rows)
        measured = {what: of_kind for what, (_, of_kind) in self._measures(cases).items()}
        shown = {"states the finding": "stated", "speaks of others": "others", "ROUGE-L with the phrase": "rouge_l"}
        chart = bars(
            {by: {label: measured[what](kind, 0) for label, what in shown.items()} for kind, by in KINDS.items()},
            cases.sample,
            title="What is asked with, and what the sentence says",
            axis=f"share of sentences ({read_by(self._reader)}), or ROUGE-L",
        )
        return {"query_kinds": chart}

    def read_labels_with(self, reader: ReportLabels) -> None:
        self._reader = reader

    def _targets(self, sample: Sample) -> list[Instance]:
        """Those whose finding the reader can read."""
        found = instances_of(sample.annotations)
        return [target for target in found if target.side and target.phrase and chexpert_label(target.finding.id)]

    def _ways(self, target: Instance) -> dict[str, Query]:
        finding, lung = target.finding, self._lungs.lung(target.side)
        return {
            "pathology": Query(text=finding.box_prompt, name=finding.id),
            "box": Query(box=target.box, name=finding.id),
            "pathology_and_box": Query(text=finding.box_prompt, box=target.box, name=finding.id),
            "anatomy": Query(text=lung.prompt, name=finding.id),
            "pathology_in_anatomy": Query(text=located(finding, lung), name=finding.id),
        }

    def _measures(self, cases: Cases) -> dict[str, tuple[str, Any]]:
        """Definition, and (kind, places further) → values (cases,)."""
        said, reader = Said(cases, self._reader), read_by(self._reader)

        def overlap(kind: str, places: int) -> np.ndarray:
            boxes = cases.answers(kind, "box")
            return giou(boxes[places:] + boxes[:places], cases.column("target"))

        stated = f"share of sentences that state the finding as present, {reader}; 0 to 1, more is better"
        others = f"share of sentences that speak of another CheXpert label, present or not, {reader}; 0 to 1, less is "
        return {
            "stated": (stated, said.stated),
            "others": (f"{others}more specific", said.others),
            "rouge_l": ("ROUGE-L (β = 1.2) of the sentence with the true phrase; 0 to 1, more is better", said.rouge),
            "giou": ("gIoU of the best box with the true one; -1 to 1, more is better", overlap),
        }

    def _meteors(self, cases: Cases, spread: SpreadOf) -> tuple[dict[str, Figure], dict[str, str]]:
        names = {kind: f"query_kinds_meteor_{kind}" for kind in KINDS}
        if not self.starts_programs:
            return {}, {}
        said = [sentence for kind in KINDS for sentence in cases.answers(kind, "sentence")]
        try:
            counts = meteor_counts(said, cases.column("phrase") * len(KINDS))
        except MeteorMissing as reason:
            return {}, dict.fromkeys(names.values(), str(reason))
        of_kind = dict(zip(KINDS, np.split(counts, len(KINDS)), strict=True))
        values = {kind: float(meteor(found)[0]) for kind, found in of_kind.items()}
        return {
            names[kind]: Figure(
                value=values[kind],
                baselines={_NAME: values["pathology"]},
                baseline=_NAME,
                definition=f"METEOR 1.5 of the sentences with the true phrases; micro: of all together; {_CASES}, asked "
                f"by {asked_by}; 0 to 1, more is better",
                samples=cases.samples,
                spread=spread(
                    partial(lambda weights, found: meteor(found, weights[:, cases.sample]), found=of_kind[kind]),
                    cases.samples,
                ),
            )
            for kind, asked_by in KINDS.items()
        }, {}
