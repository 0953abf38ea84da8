"""Who reads generated texts: what is decided when figures are computed, not when a model predicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from chex.metrics.fact_judges import Judge
from jobs.evaluation.task import EvaluationTask, ReportLabels
from jobs.evaluation.tasks import create


@dataclass(frozen=True, slots=True)
class Reading:
    """labels: who reads the labels that texts state; facts: who judges whether a report entails a sentence; None: the
    rules. report_metrics: names of `chex.metrics.report_metrics.METRICS` that are computed as well."""

    labels: ReportLabels | None = None
    facts: Judge | None = None
    report_metrics: tuple[str, ...] = ()

    def tell(self, task: EvaluationTask) -> None:
        """Makes a task read so."""
        for told, option, _ in self._asked():
            getattr(task, told)(option)

    def check(self, tasks: Sequence[str]) -> None:
        """Raises ValueError if something is asked for that none of these tasks would do."""
        kinds = [type(create(name)) for name in tasks]
        faults = [
            f"{what} is of no use to the tasks asked for ({', '.join(tasks)})"
            for told, _, what in self._asked()
            if all(getattr(kind, told) is getattr(EvaluationTask, told) for kind in kinds)
        ]
        if faults:
            raise ValueError("; ".join(faults))

    def _asked(self) -> list[tuple[str, Any, str]]:
        """What is asked for: how a task is told, what it is told, and its name."""
        options = (
            ("read_labels_with", self.labels, "a reader of labels (--chexbert)"),
            ("judge_facts_with", self.facts, "a judge of facts (--judge)"),
            ("measure_reports_with", self.report_metrics, "--report-metrics"),
        )
        return [option for option in options if option[1]]
