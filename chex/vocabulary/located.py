"""Texts that ask for a finding more or less precisely: in a region, on a side, or by the wider term it falls under."""

from __future__ import annotations

from typing import Literal, get_args

from chex.vocabulary import FindingTerm, RegionTerm, Vocabulary

Side = Literal["right", "left"]
SIDES: tuple[Side, ...] = get_args(Side)
SIDED = ("{finding} in the {side} lung", "{side} {finding}", "{side}-sided {finding}", "there is {side} {finding}")
_NOT_IN_A_LUNG = (
    "aortic_enlargement", "cardiomegaly", "clavicle_fracture", "enlarged_pulmonary_artery", "mediastinal_shift",
    "no_finding", "other_disease", "other_lesion", "rib_fracture",
)  # fmt: skip
# What CheXpert's hierarchy of findings (Irvin et al. 2019, figure 1) calls a lung opacity
_OPACITIES = ("atelectasis", "consolidation", "edema", "infiltration", "mass", "nodule", "nodule_or_mass", "pneumonia")


def located(finding: FindingTerm, region: RegionTerm) -> str:
    """ "pleural effusion in the right lung"."""
    return f"{finding.box_prompt} in the {region.prompt}"


def sided(finding: str, side: Side, wording: str) -> str:
    """A finding, however it is called, on the patient's side; wording: one of SIDED."""
    return wording.format(finding=finding, side=side)


def lies_in_a_lung(finding: FindingTerm) -> bool:
    """Or around it: False for bones, the heart and what belongs to no side."""
    return finding.id not in _NOT_IN_A_LUNG


def wider(finding: FindingTerm, vocabulary: Vocabulary) -> FindingTerm | None:
    """ "lung opacity" for a consolidation; None where there is no wider term."""
    return vocabulary.findings["lung_opacity"] if finding.id in _OPACITIES else None
