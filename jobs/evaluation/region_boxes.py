"""Where anatomical regions usually are: their mean boxes in the train split, and which of them a box means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from chex.metrics.detection import paired_iou
from chex.records import Annotations, Box, Region
from chex.vocabulary import load
from jobs.evaluation.mean_box import MeanBox


class RegionBoxes:
    def __init__(self) -> None:
        self._means: dict[str, MeanBox] = {}

    def learn(self, annotations: Annotations) -> None:
        for region in annotations.anatomy:
            self.add(region)

    def add(self, region: Region) -> None:
        self._means.setdefault(region.region, MeanBox()).add(region.box)

    def box(self, name: str) -> Box | None:
        """The mean box of a region; None where none was seen."""
        return self._means[name].box if name in self._means else None

    def of(self, name: str) -> list[Box]:
        """The mean box of a region, or of each part of a grouped one; nothing where none was seen."""
        grouped = load().grouped.get(name)
        boxes = [self.box(part) for part in (grouped.parts if grouped else (name,))]
        return [box for box in boxes if box]

    def nearest(self, box: Box) -> str | None:
        """The region whose mean box overlaps the box most (IoU); None where none was seen."""
        if not self._means:
            return None
        names = list(self._means)
        overlaps = paired_iou([self._means[name].box for name in names], [box] * len(names))
        return names[int(np.argmax(overlaps))]

    def notes(self) -> dict[str, Any]:
        """JSON values, for `recall`."""
        return {name: mean.as_list() for name, mean in self._means.items()}

    def recall(self, notes: Mapping[str, Sequence[float]]) -> None:
        self._means = {name: MeanBox.of(values) for name, values in notes.items()}
