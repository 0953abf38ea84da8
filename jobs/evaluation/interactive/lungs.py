"""Where lungs and their zones are: as annotated, or as the train split has them in the mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from chex import vocabulary
from chex.metrics.overlap import covered_share
from chex.records import Annotations, Box
from chex.vocabulary import RegionTerm
from chex.vocabulary.located import SIDES, Side
from jobs.evaluation.region_boxes import RegionBoxes

_ZONES = ("upper lung zone", "mid lung zone", "lower lung zone")


class Lungs:
    """Learns mean boxes from a train split, for images whose regions nobody has drawn."""

    def __init__(self) -> None:
        self._terms = vocabulary.load().regions
        self._names = {f"{side} {name}" for side in SIDES for name in ("lung", *_ZONES)}
        self._training = RegionBoxes()

    def learn(self, annotations: Annotations) -> None:
        for region in annotations.anatomy:
            if region.region in self._names:
                self._training.add(region)

    def lung(self, side: Side) -> RegionTerm:
        return self._terms[f"{side} lung"]

    def zone(self, side: Side, box: Box, annotations: Annotations) -> RegionTerm:
        """The zone of this side that covers most of the box; the lower one where none of them is known."""
        names = [f"{side} {zone}" for zone in _ZONES]
        places = [self.box(name, annotations) for name in names]
        shares = [covered_share([box], [place]) if place else 0.0 for place in places]
        best = max(range(len(names)), key=lambda index: shares[index]) if any(shares) else len(names) - 1
        return self._terms[names[best]]

    def box(self, name: str, annotations: Annotations) -> Box | None:
        """Of a lung or zone, "right lung"; None where neither this image nor the train split has it."""
        drawn = next((region.box for region in annotations.anatomy if region.region == name), None)
        return drawn or self._training.box(name)

    def notes(self) -> dict[str, Any]:
        """JSON values, for `recall`."""
        return self._training.notes()

    def recall(self, notes: Mapping[str, Sequence[float]]) -> None:
        self._training.recall(notes)
