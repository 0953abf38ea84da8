"""Are the generated report's sentences true, and shown where they belong? RadFact's six figures."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from chex.inference.report import default_prompts
from chex.metrics.fact_judges import Judge, rule_based_judge
from chex.metrics.grounded_facts import LEAST_COVERED, grounded_facts
from chex.records import GroundedPhrase, Sample
from jobs.evaluation.batch import Batch
from jobs.evaluation.common_texts import CommonTexts
from jobs.evaluation.figure import Figure
from jobs.evaluation.finding_boxes import FindingBoxes
from jobs.evaluation.placed_sentences import placed_sentences
from jobs.evaluation.region_boxes import RegionBoxes
from jobs.evaluation.task import EvaluationTask, Row, SpreadOf
from jobs.evaluation.text_sample import TextSample

_COMMONEST = "the commonest training report, at mean training boxes"
_RANDOM = "a random training report, at mean training boxes"
_SEED = 0
_ALL = "report"
_SENTENCES = {"precision": "generated sentences", "recall": "reference sentences"}
_OTHERS = {"precision": "the reference report", "recall": "the generated report"}
_ASKED = {
    "logical": "{of} that {other} entails",
    "grounding": "{of} with boxes that {other} entails: share whose boxes are entailed, too",
    "spatial": "{of} with boxes: share that {other} entails together with their boxes",
}
_BOXES = f"boxes are entailed where more than {LEAST_COVERED:.0%} of their area lies in those of entailing sentences"


class Task(EvaluationTask):
    gives = tuple(f"grounded_report_{what}_{kind}" for what in _ASKED for kind in _SENTENCES)
    needs = "report sentences"
    asks_for = frozenset({"reports"})

    def __init__(self) -> None:
        self._prompts = default_prompts()
        self._judge: Judge = rule_based_judge()
        self._common, self._some = CommonTexts(), TextSample()
        self._findings, self._regions = FindingBoxes(), RegionBoxes()

    def learn(self, sample: Sample) -> None:
        self._findings.learn(sample.annotations)
        self._regions.learn(sample.annotations)
        if self.wants(sample):
            placed = placed_sentences(sample.annotations)
            text = [json.dumps([said.sentence, *dict.fromkeys(said.places)]) for said in placed]
            self._common.add(_ALL, text)
            self._some.add(sample.study.sample_id, text)

    def wants(self, sample: Sample) -> bool:
        return bool(sample.annotations.sentences)

    def predict(self, batch: Batch) -> list[Row]:
        rows = []
        for sample, (findings, _) in zip(batch.samples, batch.reports(self._prompts.queries), strict=True):
            written = [finding for finding in findings if finding.sentence]
            reference = placed_sentences(sample.annotations)
            rows.append(
                {
                    "sample_id": sample.study.sample_id,
                    "sentences": [finding.sentence for finding in written],
                    "boxes": [[list(scored.box) for scored in finding.boxes] for finding in written],
                    "reference": [said.sentence for said in reference],
                    "reference_boxes": [[list(box) for box in said.boxes] for said in reference],
                }
            )
        return rows

    def figures(
        self, rows: Sequence[Row], spread: SpreadOf, options: Mapping[str, Any] | None = None
    ) -> dict[str, Figure]:
        reference = [_report(row["reference"], row["reference_boxes"]) for row in rows]
        facts = grounded_facts([_report(row["sentences"], row["boxes"]) for row in rows], reference, self._judge)
        blind = {
            kind: grounded_facts(said, reference, self._judge).figures()
            for kind, said in self._baselines(len(rows)).items()
        }
        values, counted = facts.figures(), facts.counted()
        figures = {}
        for name, value in values.items():
            baselines = {kind: float(found[name][0]) for kind, found in blind.items()}
            figures[f"grounded_report_{name}"] = Figure(
                value=float(value[0]),
                baselines=baselines,
                baseline=_best(baselines),
                definition=f"{_definition(name)}; entailment: {facts.judge}; 0 to 1, more is better",
                samples=counted[name],
                spread=spread(lambda weights, name=name: facts.figures(weights)[name], len(rows)),
            )
        return figures

    def judge_facts_with(self, judge: Judge) -> None:
        self._judge = judge

    def row_notes(self) -> dict[str, Any]:
        return {
            "commonest": self._common.notes(),
            "some": self._some.notes(),
            "finding_boxes": self._findings.notes(),
            "region_boxes": self._regions.notes(),
        }

    def recall(self, notes: Mapping[str, Any]) -> None:
        self._common.recall(notes["commonest"])
        self._some.recall(notes["some"])
        self._findings.recall(notes["finding_boxes"])
        self._regions.recall(notes["region_boxes"])

    def _baselines(self, samples: int) -> dict[str, list[list[GroundedPhrase]]]:
        baselines = {_COMMONEST: [self._placed(next(iter(self._common.commonest(_ALL)), ()))] * samples}
        if some := [self._placed(text) for text in self._some.texts]:
            drawn = np.random.default_rng(_SEED).integers(len(some), size=samples)
            baselines[_RANDOM] = [some[index] for index in drawn]
        return baselines

    def _placed(self, text: Sequence[str]) -> list[GroundedPhrase]:
        """A counted text at the mean training boxes of its places."""
        told = [json.loads(sentence_and_places) for sentence_and_places in text]
        return [
            GroundedPhrase(sentence, tuple(self._mean(place, sentence) for place in places))
            for sentence, *places in told
        ]

    def _mean(self, place: str, sentence: str) -> tuple[float, float, float, float]:
        return self._regions.box(place) or self._findings.on_side(place or None, sentence)[0].box


def _best(baselines: Mapping[str, float]) -> str:
    return max(baselines, key=lambda kind: -1.0 if np.isnan(baselines[kind]) else baselines[kind])


def _report(sentences: Sequence[str], boxes: Sequence[Sequence[Sequence[float]]]) -> list[GroundedPhrase]:
    told = zip(sentences, boxes, strict=True)
    return [GroundedPhrase(sentence, tuple(tuple(box) for box in shown)) for sentence, shown in told]


def _definition(name: str) -> str:
    what, kind = name.split("_")
    asked = _ASKED[what].format(of=_SENTENCES[kind], other=_OTHERS[kind])
    told = f"share of {asked}" if what == "logical" else f"of {asked}; {_BOXES}"
    return f"RadFact's {what} {kind}, {told}; mean over reports that have such sentences"
