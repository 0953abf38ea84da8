"""Without a look at the image: the commonest report, and the commonest sentence about the region that a box means."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from chex.inference.features import Answer
from chex.records import Query, Sample
from jobs.benchmarking.baselines.blind import BlindSession, blind_answer
from jobs.evaluation.region_boxes import RegionBoxes


def learn(train: Iterable[Sample]) -> dict[str, Any]:
    """JSON values: the commonest report as a list of sentences, the commonest text of each region, and mean boxes.

    Of equally common texts the first one stays.
    """
    reports: Counter[tuple[str, ...]] = Counter()
    texts: dict[str, Counter[str]] = defaultdict(Counter)
    regions = RegionBoxes()
    for sample in train:
        said = sample.annotations
        regions.learn(said)
        if said.sentences:
            reports[said.sentences] += 1
            texts[""].update(said.sentences)
        for region in said.anatomy:
            if region.sentences:
                texts[region.region][" ".join(region.sentences)] += 1
    return {
        "report": list(reports.most_common(1)[0][0]) if reports else [],
        "texts": {place: counted.most_common(1)[0][0] for place, counted in texts.items()},
        "regions": regions.notes(),
    }


@dataclass(frozen=True, slots=True)
class Commonest:
    """device → session, from the file with what `learn` gave."""

    file: str
    parts: ClassVar[frozenset[str]] = frozenset({"sentences", "reports"})

    def __call__(self, device: str) -> CommonestSession:
        return CommonestSession(json.loads(Path(self.file).read_text(encoding="utf-8")))


class CommonestSession(BlindSession):
    parts = Commonest.parts

    def __init__(self, learned: dict[str, Any]) -> None:
        super().__init__("commonest texts", learned)
        self._report, self._texts = learned["report"], learned["texts"]
        self._regions = RegionBoxes()
        self._regions.recall(learned["regions"])

    def answer(self, query: Query, labels: Sequence[str]) -> Answer:
        return blind_answer(query, ())

    def sentence(self, query: Query) -> str:
        """For a box the commonest text of the region that it overlaps most, else the commonest of all sentences."""
        region = self._regions.nearest(query.box) if query.box is not None else None
        return self._texts.get(region or "", self._texts.get("", ""))

    def report(self) -> Sequence[str]:
        return self._report
