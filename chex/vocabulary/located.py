"""Texts that ask for a finding more or less precisely: in a region, or by the wider term that it falls under."""

from __future__ import annotations

from chex.vocabulary import FindingTerm, RegionTerm, Vocabulary

# What CheXpert's hierarchy of findings (Irvin et al. 2019, figure 1) calls a lung opacity
_OPACITIES = ("atelectasis", "consolidation", "edema", "infiltration", "mass", "nodule", "nodule_or_mass", "pneumonia")


def located(finding: FindingTerm, region: RegionTerm) -> str:
    """ "pleural effusion in the right lung"."""
    return f"{finding.box_prompt} in the {region.prompt}"


def wider(finding: FindingTerm, vocabulary: Vocabulary) -> FindingTerm | None:
    """ "lung opacity" for a consolidation; None where there is no wider term."""
    return vocabulary.findings["lung_opacity"] if finding.id in _OPACITIES else None
