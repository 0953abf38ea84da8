"""Pathology detection on NIH ChestX-ray14: the 8 classes that have boxes, on the images that have boxes."""

from __future__ import annotations

from chex.records import Sample
from jobs.evaluation.families.detection import Detection


class Task(Detection):
    gives = ("detection_nih8_map",)
    needs = "boxes of NIH ChestX-ray14"
    label_set = "nih-boxes"
    figure = "detection_nih8_map"

    def wants(self, sample: Sample) -> bool:
        return bool(self.targets(sample))
