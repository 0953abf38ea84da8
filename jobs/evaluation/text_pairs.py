"""Generated texts beside their references, and which sample each pair is of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from chex.metrics.bootstrap import Spread
from jobs.evaluation.task import ReportLabels, SpreadOf

Sentences = Sequence[str]


@dataclass(frozen=True, slots=True)
class TextPairs:
    """N texts, each a list of sentences, and N references; sample (N,) numbers the `samples` that they are of.

    baselines: what is said without looking at the image, by name: one or several drawings of N texts each.
    """

    said: Sequence[Sentences]
    references: Sequence[Sentences]
    sample: np.ndarray
    samples: int
    of: str  # what one text is about, "report"
    baselines: Mapping[str, Sequence[Sequence[Sentences]]] = field(default_factory=dict)

    def spread(self, spread: SpreadOf, statistic: Callable[[np.ndarray], np.ndarray]) -> Spread | None:
        """The spread of a statistic of weights (D, N), over draws of samples."""
        return spread(lambda weights: statistic(weights[:, self.sample]), self.samples)

    def spreads_of_classes(
        self, spread: SpreadOf, statistic: Callable[[np.ndarray], Mapping[str, np.ndarray]]
    ) -> dict[str, Spread]:
        """The same for a statistic of several classes at once."""
        return spread.of_classes(lambda weights: statistic(weights[:, self.sample]), self.samples)


@dataclass(slots=True)
class LabelsRead:
    """What a reader read from texts, each text once."""

    reader: ReportLabels
    _known: dict[tuple[str, ...], Mapping[str, int]] = field(default_factory=dict)

    def of(self, texts: Sequence[Sentences]) -> list[Mapping[str, int]]:
        asked = [tuple(text) for text in texts]
        missing = list(dict.fromkeys(text for text in asked if text not in self._known))
        self._known.update(zip(missing, self.reader.read_reports(missing), strict=True))
        return [self._known[text] for text in asked]
