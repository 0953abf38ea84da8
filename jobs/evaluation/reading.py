"""Who reads generated texts: what is decided when figures are computed, not when a model predicts."""

from __future__ import annotations

from dataclasses import dataclass

from chex.metrics.fact_judges import Judge
from jobs.evaluation.task import EvaluationTask, ReportLabels


@dataclass(frozen=True, slots=True)
class Reading:
    """labels: who reads the labels that texts state; facts: who judges whether a report entails a sentence; None: the
    rules. report_metrics: names of `chex.metrics.report_metrics.METRICS` that are computed as well."""

    labels: ReportLabels | None = None
    facts: Judge | None = None
    report_metrics: tuple[str, ...] = ()

    def tell(self, task: EvaluationTask) -> None:
        """Makes a task read so."""
        if self.labels is not None:
            task.read_labels_with(self.labels)
        if self.facts is not None:
            task.judge_facts_with(self.facts)
        if self.report_metrics:
            task.measure_reports_with(self.report_metrics)
