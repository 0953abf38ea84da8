"""Pathology detection on MS-CXR: its 8 categories, each with the boxes of all its phrases."""

from __future__ import annotations

from chex.records import Box, Sample
from jobs.evaluation.families.detection import Detection
from jobs.evaluation.finding_boxes import phrase_boxes


class Task(Detection):
    gives = ("detection_mscxr_map",)
    needs = "grounded phrases with a category"
    label_set = "ms-cxr"
    figure = "detection_mscxr_map"

    def targets(self, sample: Sample) -> list[tuple[str, Box]]:
        return phrase_boxes(sample.annotations, self.classes)

    def wants(self, sample: Sample) -> bool:
        return bool(self.targets(sample))
