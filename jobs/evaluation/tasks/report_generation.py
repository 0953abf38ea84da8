"""Does the generated report say what the radiologist's says? Words, and the labels that both state (paper, RG)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from chex.inference.report import default_prompts
from chex.metrics.label_reader import rule_based_label_reader
from chex.records import Sample
from jobs.evaluation.batch import Batch
from jobs.evaluation.clinical_figures import LABELS, SCORES, clinical_figures
from jobs.evaluation.common_texts import CommonTexts
from jobs.evaluation.figure import Figure
from jobs.evaluation.language_figures import DEFINITIONS, language_figures
from jobs.evaluation.report_metric_figures import report_metric_figures
from jobs.evaluation.task import EvaluationTask, ReportLabels, Row, SpreadOf
from jobs.evaluation.text_pairs import LabelsRead, TextPairs
from jobs.evaluation.text_sample import TextSample

RANDOM_DRAWS = 20
_SEED = 0
_ALL = "report"
_COMMONEST, _RANDOM = "the commonest training report", "a random training report"


class Task(EvaluationTask):
    gives = (
        *(f"report_{kind}{which}" for which in LABELS for kind in SCORES),
        *(f"report_{score}" for score in DEFINITIONS),
    )
    needs = "report sentences"
    asks_for = frozenset({"reports"})

    def __init__(self) -> None:
        self._prompts = default_prompts()
        self._reader: ReportLabels = rule_based_label_reader()
        self._common, self._some = CommonTexts(), TextSample()
        self._missing: dict[str, str] = {}
        self._metrics: tuple[str, ...] = ()

    @property
    def left_out(self) -> dict[str, str]:
        return self._missing

    def learn(self, sample: Sample) -> None:
        if self.wants(sample):
            self._common.add(_ALL, sample.annotations.sentences)
            self._some.add(sample.study.sample_id, sample.annotations.sentences)

    def wants(self, sample: Sample) -> bool:
        return bool(sample.annotations.sentences)

    def predict(self, batch: Batch) -> list[Row]:
        rows = []
        for sample, (findings, text) in zip(batch.samples, batch.reports(self._prompts.queries), strict=True):
            written = [finding for finding in findings if finding.sentence]
            rows.append(
                {
                    "sample_id": sample.study.sample_id,
                    "text": text,
                    "sentences": [finding.sentence for finding in written],
                    "prompts": [finding.query.name for finding in written],
                    "reference": list(sample.annotations.sentences),
                }
            )
        return rows

    def figures(
        self, rows: Sequence[Row], spread: SpreadOf, options: Mapping[str, Any] | None = None
    ) -> dict[str, Figure]:
        pairs = TextPairs(
            said=[row["sentences"] for row in rows],
            references=[row["reference"] for row in rows],
            sample=np.arange(len(rows)),
            samples=len(rows),
            of="report",
            baselines=self._baselines(len(rows)),
        )
        figures = clinical_figures("report", pairs, LabelsRead(self._reader), spread)
        language, self._missing = language_figures("report", pairs, spread, self.starts_programs)
        published, unavailable = report_metric_figures("report", pairs, self._metrics, spread)
        self._missing |= unavailable
        return figures | language | published

    def read_labels_with(self, reader: ReportLabels) -> None:
        self._reader = reader

    def measure_reports_with(self, names: Sequence[str]) -> None:
        self._metrics = tuple(names)
        self.gives = (*type(self).gives, *(f"report_{name}" for name in names))

    def row_notes(self) -> dict[str, Any]:
        return {"commonest": self._common.notes(), "some": self._some.notes()}

    def recall(self, notes: Mapping[str, Any]) -> None:
        self._common.recall(notes["commonest"])
        self._some.recall(notes["some"])

    def _baselines(self, samples: int) -> dict[str, list]:
        commonest = next(iter(self._common.commonest(_ALL)), ())
        baselines: dict[str, list] = {_COMMONEST: [[commonest] * samples]}
        if some := self._some.texts:
            generators = [np.random.default_rng((_SEED, draw)) for draw in range(RANDOM_DRAWS)]
            baselines[_RANDOM] = [[some[i] for i in g.integers(len(some), size=samples)] for g in generators]
        return baselines
