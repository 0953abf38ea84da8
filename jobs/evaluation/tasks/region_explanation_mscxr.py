"""Region explanation on MS-CXR: every box of a phrase is asked, and the phrase is what should be said about it."""

from __future__ import annotations

from chex.records import Box, Sample
from jobs.evaluation.families.explanation import Explanation, names_of


class Task(Explanation):
    gives = names_of("explanation_mscxr")
    needs = "grounded phrases"
    prefix = "explanation_mscxr"
    label_set = "ms-cxr"

    def asked(self, sample: Sample) -> list[tuple[str, Box, tuple[str, ...]]]:
        said = sample.annotations.grounded
        return [(phrase.label or "", box, (phrase.phrase,)) for phrase in said for box in phrase.boxes]

    def region_of(self, name: str, box: Box) -> str:
        return self.nearest_region(box)
