"""Pathology detection on VinDr-CXR: its 15 most frequent classes, on images with and without findings."""

from __future__ import annotations

from chex.records import Sample
from jobs.evaluation.families.detection import Detection


class Task(Detection):
    gives = ("detection_vindr_map",)
    needs = "VinDr-CXR annotations (labels or boxes)"
    label_set = "vindr-top15"
    figure = "detection_vindr_map"

    def wants(self, sample: Sample) -> bool:
        said = sample.annotations
        return any(found.label.startswith("vindr/") for found in (*said.pathology_labels, *said.pathology_boxes))
