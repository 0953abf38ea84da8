"""Do probabilities of findings mean what they say, before and after a temperature fitted on the validation split?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from chex import vocabulary
from chex.metrics.calibration import BINS, brier_score, calibration_error, fit_temperature, with_temperature
from chex.records import Sample
from jobs.evaluation.figure import Figure
from jobs.evaluation.task import Row, SpreadOf
from jobs.evaluation.tasks import image_classification

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

_UNKNOWN = -1
_FREQUENCY, _HALF, _AS_IT_IS = "how often the finding is there in training", "always 0.5", "without a temperature"
_SCORES: dict[str, tuple[Callable, str]] = {
    "error": (calibration_error, f"expected calibration error in {BINS} bins of equal width"),
    "brier": (brier_score, "Brier score: mean squared distance of probability and truth"),
}


class Task(image_classification.Task):
    gives = tuple(f"calibration_{score}_{when}" for score in _SCORES for when in ("before", "after"))
    tunes = True

    def __init__(self) -> None:
        super().__init__()
        self._seen: dict[str, list[int]] = {}  # by finding: images with it, images where it is known

    def learn(self, sample: Sample) -> None:
        for label, value in self._known(sample).items():
            counts = self._seen.setdefault(self._words.finding_of(label).id, [0, 0])
            counts[0], counts[1] = counts[0] + value, counts[1] + 1

    def tune(self, rows: Sequence[Row]) -> dict[str, Any]:
        """The temperature with the least log loss; 1 where the rows do not have findings of both kinds."""
        probabilities, targets = self.reliability(rows) if rows else (np.empty(0), np.empty(0))
        if len(set(targets.tolist())) < 2:
            return {"temperature": 1.0, "tuned_on": 0}
        return {"temperature": fit_temperature(probabilities, targets), "tuned_on": len(rows)}

    def figures(
        self, rows: Sequence[Row], spread: SpreadOf, options: Mapping[str, Any] | None = None
    ) -> dict[str, Figure]:
        said, targets, frequency = self._matrices(rows)
        temperature = (options or {}).get("temperature", 1.0)
        versions = {
            "before": (said, "probabilities as they are"),
            "after": (with_temperature(said, temperature), f"probabilities at temperature {temperature:.3f}"),
        }
        figures = {}
        for name, (score, definition) in _SCORES.items():
            before = float(score(said, targets)[0])
            baselines = {_FREQUENCY: float(score(frequency, targets)[0])}
            baselines[_HALF] = float(score(np.full(said.shape, 0.5), targets)[0])
            for when, (probabilities, words) in versions.items():
                figures[f"calibration_{name}_{when}"] = Figure(
                    value=float(score(probabilities, targets)[0]),
                    baselines=baselines | ({_AS_IT_IS: before} if when == "after" else {}),
                    baseline=_AS_IT_IS if when == "after" else _FREQUENCY,
                    definition=f"{definition}, of all known findings of all images together (micro); {words}; 0 to 1, "
                    "less is better",
                    samples=len(rows),
                    spread=spread(lambda weights, p=probabilities, s=score: s(p, targets, weights), len(rows)),
                )
        return figures

    def pictures(self, rows: Sequence[Row], options: Mapping[str, Any] | None = None) -> dict[str, Drawing]:
        from jobs.evaluation.robustness.charts import reliability_chart

        said, targets = self.reliability(rows)
        temperature = (options or {}).get("temperature", 1.0)
        after = f"at temperature {temperature:.2f}"
        return {
            "calibration": reliability_chart({"as it is": said, after: with_temperature(said, temperature)}, targets)
        }

    def row_notes(self) -> dict[str, Any]:
        return {"seen": self._seen}

    def recall(self, notes: Mapping[str, Any]) -> None:
        self._seen = notes["seen"]

    def _matrices(self, rows: Sequence[Row]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Probabilities, targets and training frequencies, (rows, labels); what is not known has target −1."""
        labels = sorted({label for row in rows for label in row["labels"]})
        column = {label: place for place, label in enumerate(labels)}
        said, targets = np.full((len(rows), len(labels)), 0.5), np.full((len(rows), len(labels)), _UNKNOWN)
        for place, row in enumerate(rows):
            columns = [column[label] for label in row["labels"]]
            said[place, columns], targets[place, columns] = row["probabilities"], row["values"]
        return said, targets, np.broadcast_to([self._frequency(label) for label in labels], said.shape)

    def _frequency(self, label: str) -> float:
        """Of the finding, or of all together where training images say nothing of it."""
        present, known = self._seen.get(vocabulary.load().finding_of(label).id) or (0, 0)
        if not known:
            present, known = np.sum(list(self._seen.values()) or [(1, 2)], axis=0)
        return float(present / known)
