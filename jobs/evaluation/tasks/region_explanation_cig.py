"""Region explanation on Chest ImaGenome: its regions with sentences, each asked by its true box."""

from __future__ import annotations

from chex.records import Box, Sample
from jobs.evaluation.families.explanation import Explanation, names_of


class Task(Explanation):
    gives = names_of("explanation_cig")
    needs = "anatomical regions with sentences"
    prefix = "explanation_cig"
    label_set = "cig"

    def asked(self, sample: Sample) -> list[tuple[str, Box, tuple[str, ...]]]:
        regions = sample.annotations.anatomy
        return [(region.region, region.box, region.sentences) for region in regions if region.sentences]
