"""What does the report say about a given box? A generated sentence is compared with the true one (paper, RE)."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from chex import vocabulary
from chex.metrics.label_reader import rule_based_label_reader
from chex.records import Box, Query, Sample
from jobs.evaluation.batch import Batch
from jobs.evaluation.clinical_figures import clinical_figures
from jobs.evaluation.common_texts import CommonTexts, Text
from jobs.evaluation.figure import Figure
from jobs.evaluation.language_figures import language_figures
from jobs.evaluation.region_boxes import RegionBoxes
from jobs.evaluation.task import EvaluationTask, ReportLabels, Row, SpreadOf
from jobs.evaluation.text_pairs import LabelsRead, TextPairs

_F1 = ("micro_f1", "macro_f1")
_LANGUAGE = ("meteor", "bleu_1", "bleu_4", "rouge_l", "cider")
_ANYWHERE = ""  # what reports say, wherever it is
_NO_FINDING = "No Finding"
_COMMONEST = "the commonest training sentence of the region"
_FINDING = "the commonest training sentence of the region that states a finding"


def names_of(prefix: str) -> tuple[str, ...]:
    return tuple(f"{prefix}_{score}" for score in (*_F1, *_LANGUAGE))


class Explanation(EvaluationTask):
    """Boxes with true sentences; the model sees the box alone."""

    asks_for = frozenset({"sentences"})
    prefix: str
    label_set: str  # asked for by the task that classifies the same boxes, so that nothing is asked twice

    def __init__(self) -> None:
        self._labels = vocabulary.load().labels_of(self.label_set)
        self._reader: ReportLabels = rule_based_label_reader()
        self._common, self._regions = CommonTexts(), RegionBoxes()
        self._missing: dict[str, str] = {}

    @property
    def left_out(self) -> dict[str, str]:
        return self._missing

    @abstractmethod
    def asked(self, sample: Sample) -> list[tuple[str, Box, tuple[str, ...]]]:
        """Name, box and true sentences of everything to be explained."""

    def region_of(self, name: str, box: Box) -> str:
        """Whose training sentences the baseline says."""
        return name

    def learn(self, sample: Sample) -> None:
        for region in sample.annotations.anatomy:
            if region.sentences:
                self._common.add(region.region, region.sentences)
                self._regions.add(region)
        for sentence in sample.annotations.sentences:
            self._common.add(_ANYWHERE, [sentence])

    def wants(self, sample: Sample) -> bool:
        return bool(self.asked(sample))

    def predict(self, batch: Batch) -> list[Row]:
        asked = [self.asked(sample) for sample in batch.samples]
        answers = batch.ask([[Query(box=box) for _, box, _ in some] for some in asked], self._labels)
        texts = batch.session.writer.describe(answers)
        return [
            {
                "sample_id": sample.study.sample_id,
                "names": [name for name, _, _ in some],
                "boxes": [list(box) for _, box, _ in some],
                "references": [list(sentences) for _, _, sentences in some],
                "texts": list(said),
            }
            for sample, some, said in zip(batch.samples, asked, texts, strict=True)
        ]

    def figures(
        self, rows: Sequence[Row], spread: SpreadOf, options: Mapping[str, Any] | None = None
    ) -> dict[str, Figure]:
        regions = [self.region_of(name, tuple(box)) for row in rows for name, box in zip(row["names"], row["boxes"])]
        read = LabelsRead(self._reader)
        pairs = TextPairs(
            said=[[text] if text.strip() else [] for row in rows for text in row["texts"]],
            references=[sentences for row in rows for sentences in row["references"]],
            sample=np.repeat(np.arange(len(rows)), [len(row["names"]) for row in rows]),
            samples=len(rows),
            of="region",
            baselines={
                _COMMONEST: [[self._commonest(region) for region in regions]],
                _FINDING: [self._with_finding(regions, read)],
            },
        )
        figures = clinical_figures(self.prefix, pairs, read, spread, scores=_F1, labels=("",))
        language, self._missing = language_figures(self.prefix, pairs, spread, self.starts_programs)
        return figures | language

    def read_labels_with(self, reader: ReportLabels) -> None:
        self._reader = reader

    def row_notes(self) -> dict[str, Any]:
        return {"commonest": self._common.notes(), "mean_boxes": self._regions.notes()}

    def recall(self, notes: Mapping[str, Any]) -> None:
        self._common.recall(notes["commonest"])
        self._regions.recall(notes["mean_boxes"])

    def nearest_region(self, box: Box) -> str:
        """The region whose mean training box overlaps the box most; that of all reports where there is none."""
        return self._regions.nearest(box) or _ANYWHERE

    def _texts(self, region: str) -> list[Text]:
        return self._common.commonest(region) or self._common.commonest(_ANYWHERE)

    def _commonest(self, region: str) -> Text:
        return next(iter(self._texts(region)), ())

    def _with_finding(self, regions: Sequence[str], read: LabelsRead) -> list[Text]:
        chosen = {}
        for region in dict.fromkeys(regions):
            texts = self._texts(region)
            stated = [
                text
                for text, labels in zip(texts, read.of(texts), strict=True)
                if any(value == 1 for label, value in labels.items() if label != _NO_FINDING)
            ]
            chosen[region] = stated[0] if stated else self._commonest(region)
        return [chosen[region] for region in regions]
