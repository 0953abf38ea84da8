"""Pathology detection on MS-CXR: its 8 categories, each with the boxes of all its phrases."""

from __future__ import annotations

from chex.records import Box, Sample
from jobs.evaluation.families.detection import Detection


class Task(Detection):
    gives = ("detection_mscxr_map",)
    needs = "grounded phrases with a category"
    label_set = "ms-cxr"
    figure = "detection_mscxr_map"

    def targets(self, sample: Sample) -> list[tuple[str, Box]]:
        """Two phrases about one finding often share their boxes: each counts once."""
        said = [(phrase.label, box) for phrase in sample.annotations.grounded for box in phrase.boxes]
        return [pair for pair in dict.fromkeys(said) if pair[0] in self.classes]

    def wants(self, sample: Sample) -> bool:
        return bool(self.targets(sample))
