"""Does the generated report state what the radiologist's states? Both are read by the rule-based label reader."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np

from chex.inference.report import default_prompts
from chex.metrics.clinical import FIVE_LABELS, compare_labels
from chex.metrics.label_agreement import LabelCounts
from chex.metrics.label_reader import NAME, rule_based_label_reader
from chex.records import Sample
from jobs.evaluation.batch import Batch
from jobs.evaluation.figure import Figure
from jobs.evaluation.task import EvaluationTask, Row, SpreadOf

RANDOM_DRAWS = 20
_SEED = 0
_LABELS = {  # suffix of the figure's name: which labels, whether uncertain counts as present, in words
    "": (None, False, "14 CheXpert labels stated as present"),
    "_5_plus": (FIVE_LABELS, True, "5 CheXpert labels stated as present or uncertain"),
}
_SCORES = {
    "micro_f1": (LabelCounts.micro, "micro-F1 over all reports and labels"),
    "macro_f1": (LabelCounts.macro, "macro-F1: mean of the labels' F1, 0 for one that is never stated"),
    "example_f1": (LabelCounts.example, "example-F1: mean of the reports' F1, 0 for one that states nothing"),
}
_COMMONEST, _RANDOM = "the commonest training report", "a random training report"


class Task(EvaluationTask):
    gives = tuple(f"report_{kind}{which}" for which in _LABELS for kind in _SCORES)
    needs = "report sentences"
    asks_for = frozenset({"reports"})

    def __init__(self) -> None:
        self._prompts = default_prompts()
        self._reader = rule_based_label_reader()
        self._reports: list[int] = []  # per training report, which of `_stated` it states
        self._stated: dict[tuple[tuple[str, int], ...], int] = {}

    def learn(self, sample: Sample) -> None:
        if self.wants(sample):
            said = self._reader.read_report(sample.annotations.sentences)
            key = tuple(sorted((label, value) for label, value in said.items() if value != 0))
            self._reports.append(self._stated.setdefault(key, len(self._stated)))

    def wants(self, sample: Sample) -> bool:
        return bool(sample.annotations.sentences)

    def predict(self, batch: Batch) -> list[Row]:
        session = batch.session
        selected = [session.reports.select(answers) for answers in batch.ask_all(self._prompts.queries)]
        sentences = session.writer.describe(selected)
        rows = []
        for sample, answers, said in zip(batch.samples, selected, sentences, strict=True):
            findings, text = session.reports.compose(answers, said)
            generated = [finding.sentence for finding in findings if finding.sentence]
            reference = list(sample.annotations.sentences)
            rows.append(
                {
                    "sample_id": sample.study.sample_id,
                    "text": text,
                    "sentences": generated,
                    "prompts": [finding.query.name for finding in findings],
                    "reference": reference,
                    "labels": _as_list(self._reader.read_report(generated)),
                    "reference_labels": _as_list(self._reader.read_report(reference)),
                }
            )
        return rows

    def row_notes(self) -> dict:
        return {"labels_read_by": NAME}

    def figures(self, rows: Sequence[Row], spread: SpreadOf, options: Mapping | None = None) -> dict[str, Figure]:
        predicted, reference = ([_as_mapping(row[column]) for row in rows] for column in ("labels", "reference_labels"))
        commonest = self._commonest(len(rows))
        random = [self._random(len(rows), draw) for draw in range(RANDOM_DRAWS)] if self._reports else []
        figures = {}
        for which, (labels, uncertain, of_labels) in _LABELS.items():
            counts = partial(compare_labels, reference=reference, labels=labels, uncertain_as_positive=uncertain)
            found, of_commonest, of_random = counts(predicted), counts(commonest), [counts(said) for said in random]
            for kind, (score, of_score) in _SCORES.items():
                baselines = {_COMMONEST: float(score(of_commonest)[0])}
                if of_random:
                    baselines[_RANDOM] = float(np.mean([score(drawn)[0] for drawn in of_random]))
                figures[f"report_{kind}{which}"] = Figure(
                    value=float(score(found)[0]),
                    baselines=baselines,
                    baseline=max(baselines, key=baselines.get),
                    definition=f"{of_score}, {of_labels}; read by the {NAME}; 0 to 1, more is better",
                    samples=len(rows),
                    spread=spread(partial(score, found), len(rows)),
                    classes={label: line["f1"] for label, line in found.table().items() if line["support"]},
                )
        return figures

    def _commonest(self, samples: int) -> list[Mapping[str, int]]:
        """The labels of the training reports that state what most of them state, for every sample."""
        if not self._reports:
            return [{}] * samples
        [(most, _)] = Counter(self._reports).most_common(1)
        return [dict(list(self._stated)[most])] * samples

    def _random(self, samples: int, draw: int) -> list[Mapping[str, int]]:
        stated = [dict(key) for key in self._stated]
        drawn = np.random.default_rng((_SEED, draw)).choice(self._reports, size=samples)
        return [stated[index] for index in drawn]


def _as_list(labels: Mapping[str, int]) -> list[dict]:
    return [{"label": label, "value": value} for label, value in sorted(labels.items())]


def _as_mapping(labels: Sequence[Mapping]) -> dict[str, int]:
    return {entry["label"]: entry["value"] for entry in labels}
