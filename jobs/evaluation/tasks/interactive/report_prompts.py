"""Reports from prompts for pathologies, for regions, or for both: what does each set find, and how often twice? (Paper, 5.4.)"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from chex import vocabulary
from chex.inference.report import default_prompts
from chex.metrics.bootstrap import weighted_mean
from chex.metrics.clinical import chexpert_labels, compare_labels
from chex.metrics.label_agreement import LabelCounts
from chex.metrics.label_reader import rule_based_label_reader
from chex.records import Sample
from jobs.evaluation.batch import Batch
from jobs.evaluation.figure import Figure
from jobs.evaluation.task import EvaluationTask, ReportLabels, Row, SpreadOf, read_by

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

SETS = {
    "pathologies": "pathologies alone",
    "anatomy": "regions alone, those that look abnormal",
    "every_region": "regions alone, all of them",
    "both": "pathologies, and regions that look abnormal",
    "everything": "pathologies, and all regions",
}
_SCORES = {
    "micro_f1": (LabelCounts.micro, "micro-F1 over all reports and 14 CheXpert labels stated as present"),
    "precision": (partial(LabelCounts.micro, score="precision"), "precision, micro, of the same labels"),
    "recall": (partial(LabelCounts.micro, score="recall"), "recall, micro, of the same labels"),
    "macro_f1": (LabelCounts.macro, "macro-F1: mean over the 14 labels, 0 for one that is never stated"),
    "example_f1": (LabelCounts.example, "example-F1: mean over reports, 0 for one that states nothing"),
}
_BOTH = "prompts for both"


class Task(EvaluationTask):
    gives = tuple(f"report_prompts_{what}_{name}" for name in SETS for what in (*_SCORES, "sentences", "repeated"))
    needs = "report sentences"
    asks_for = frozenset({"reports"})

    def __init__(self) -> None:
        self._prompts = default_prompts()
        self._reader: ReportLabels = rule_based_label_reader()
        findings = vocabulary.load().findings
        names = {query.name for query in self._prompts.queries}
        self._regions = names - set(findings)
        self._sets = {"pathologies": names - self._regions, "anatomy": self._regions, "both": names}

    def learn(self, sample: Sample) -> None:
        """The sets are compared with each other."""

    def wants(self, sample: Sample) -> bool:
        return bool(sample.annotations.sentences)

    def predict(self, batch: Batch) -> list[Row]:
        session = batch.session
        answered = batch.ask_all(self._prompts.queries)
        selected = [{answer.query.name for answer in session.reports.select(answers)} for answers in answered]
        described = [
            [answer for answer in answers if answer.query.name in self._regions | chosen]
            for answers, chosen in zip(answered, selected, strict=True)
        ]
        rows = []
        for sample, chosen, answers, said in zip(
            batch.samples, selected, described, session.writer.describe(described), strict=True
        ):
            row: Row = {"sample_id": sample.study.sample_id, "reference": list(sample.annotations.sentences)}
            sets = {name: asked & chosen for name, asked in self._sets.items()}
            sets |= {"every_region": self._regions, "everything": chosen | self._regions}
            for name, asked in sets.items():
                some = [pair for pair in zip(answers, said, strict=True) if pair[0].query.name in asked]
                findings, _ = session.reports.compose(*map(list, zip(*some))) if some else ((), "")
                row[name] = {
                    "written": sum(bool(text.strip()) for _, text in some),
                    "sentences": [finding.sentence for finding in findings if finding.sentence],
                }
            rows.append(row)
        return rows

    def figures(
        self, rows: Sequence[Row], spread: SpreadOf, options: Mapping[str, Any] | None = None
    ) -> dict[str, Figure]:
        stated = self._reader.read_reports([row["reference"] for row in rows])
        counts = {
            name: compare_labels(self._reader.read_reports([row[name]["sentences"] for row in rows]), stated)
            for name in SETS
        }
        figures = {}
        for name, words in SETS.items():
            for what, (score, definition) in _SCORES.items():
                figures[f"report_prompts_{what}_{name}"] = Figure(
                    value=float(score(counts[name])[0]),
                    baselines={_BOTH: float(score(counts["both"])[0])},
                    baseline=_BOTH,
                    definition=f"{definition}; {read_by(self._reader)}; prompts for {words}; 0 to 1, more is better",
                    samples=len(rows),
                    spread=spread(partial(score, counts[name]), len(rows)),
                )
            for what, (values, definition) in _lengths(rows).items():
                figures[f"report_prompts_{what}_{name}"] = Figure(
                    value=float(values[name].mean()),
                    baselines={_BOTH: float(values["both"].mean())},
                    baseline=_BOTH,
                    definition=f"{definition}; mean over reports; prompts for {words}",
                    samples=len(rows),
                    spread=spread(partial(weighted_mean, values[name]), len(rows)),
                )
        return figures

    def pictures(self, rows: Sequence[Row], options: Mapping[str, Any] | None = None) -> dict[str, Drawing]:
        from jobs.evaluation.interactive.charts import scores

        stated = self._reader.read_reports([row["reference"] for row in rows])
        shown = {"F1": "micro_f1", "precision": "precision", "recall": "recall"}
        groups = {}
        for name, words in SETS.items():
            counts = compare_labels(self._reader.read_reports([row[name]["sentences"] for row in rows]), stated)
            groups[words] = {label: partial(_SCORES[what][0], counts) for label, what in shown.items()}
        axis = f"micro, {len(chexpert_labels())} labels, {read_by(self._reader)}"
        chart = scores(groups, len(rows), title="Prompts of a report", axis=axis)
        return {"report_prompts": chart}

    def read_labels_with(self, reader: ReportLabels) -> None:
        self._reader = reader


def _lengths(rows: Sequence[Row]) -> dict[str, tuple[dict[str, np.ndarray], str]]:
    """Per figure: values by set, (rows,) each, and the definition."""
    kept = {name: np.array([len(row[name]["sentences"]) for row in rows], dtype=float) for name in SETS}
    written = {name: np.array([row[name]["written"] for row in rows], dtype=float) for name in SETS}
    dropped = {name: 1 - kept[name] / np.maximum(written[name], 1) for name in SETS}
    for name in SETS:
        dropped[name][written[name] == 0] = 0.0
    return {
        "sentences": (kept, "sentences per report, without those that repeat others"),
        "repeated": (dropped, "share of a report's sentences that are left out, for another one says nearly the same"),
    }
