"""What sentences say about the findings that were asked for: stated or not, what else, and in whose words."""

from __future__ import annotations

import numpy as np

from chex import vocabulary
from chex.metrics.text import rouge_l, words
from jobs.evaluation.interactive.cases import Cases
from jobs.evaluation.task import ReportLabels
from jobs.evaluation.text_pairs import LabelsRead

_PRESENT, _NO_FINDING = 1, "No Finding"


class Said:
    """Cases with `finding` and `phrase`, whose answers have a `sentence`.

    Every measure takes the way of asking, and how many places further the case is whose answer counts: 0 is its own
    answer, 1 is what was said of another one. Gives (cases,).
    """

    def __init__(self, cases: Cases, reader: ReportLabels) -> None:
        self._cases, self._read = cases, LabelsRead(reader)
        self._asked = [chexpert_label(finding) for finding in cases.column("finding")]
        self._phrases = [words(phrase) for phrase in cases.column("phrase")]

    def stated(self, way: str, places: int = 0) -> np.ndarray:
        """1 where the finding is stated as present."""
        found = zip(self._labels(way, places), self._asked, strict=True)
        return np.array([read.get(label) == _PRESENT for read, label in found], dtype=float)

    def others(self, way: str, places: int = 0) -> np.ndarray:
        """1 where another CheXpert label is spoken of, present or not."""
        found = zip(self._labels(way, places), self._asked, strict=True)
        return np.array([bool(set(read) - {label, _NO_FINDING}) for read, label in found], dtype=float)

    def rouge(self, way: str, places: int = 0) -> np.ndarray:
        """ROUGE-L with the phrase."""
        return rouge_l([words(sentence) for sentence in self._sentences(way, places)], self._phrases)

    def _labels(self, way: str, places: int) -> list:
        return self._read.of([[text] if text.strip() else [] for text in self._sentences(way, places)])

    def _sentences(self, way: str, places: int) -> list[str]:
        sentences = self._cases.answers(way, "sentence")
        return sentences[places:] + sentences[:places]


def chexpert_label(finding_id: str) -> str | None:
    """The CheXpert label of a finding, as readers of labels call it; None where it has none."""
    labels = vocabulary.load().findings[finding_id].labels
    return next((label.partition("/")[2] for label in labels if label.startswith("chexpert/")), None)
