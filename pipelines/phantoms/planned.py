"""Which studies there will be: patients, splits, identifiers and dates, all drawn from one seed before any image."""

from __future__ import annotations

import datetime
import hashlib
import random
from dataclasses import dataclass

TEST_SHARE, VALIDATE_SHARE, GOLD_SHARE, GROUNDED_SHARE = 0.12, 0.08, 0.1, 0.7
# coprime to ten million: consecutive numbers give identifiers all over the range, and never the same twice
_STRIDE = 7_368_787


@dataclass(frozen=True, slots=True)
class PlannedStudy:
    """One image to be made and written; `folder` is relative to its dataset, as are the files in it."""

    dataset: str  # "mimic-cxr-jpg" or "vindr-cxr"
    split: str  # "train", "validate" or "test"; VinDr has no "validate"
    image_id: str
    patient_id: str
    study_id: str
    order: int  # of the patient's studies, from 1
    taken: datetime.datetime
    seed: int  # of the image
    patient_seed: int  # of who the patient is, the same for all of one patient's studies
    gold: bool = False  # among Chest ImaGenome's images to avoid
    grounded: bool = False  # among MS-CXR's images

    @property
    def folder(self) -> str:
        return f"files/p{self.patient_id[:2]}/p{self.patient_id}/s{self.study_id}"


def plan_studies(studies: int, seed: int) -> list[PlannedStudy]:
    """Two thirds MIMIC-CXR studies of one frontal image each, one third VinDr-CXR images; ValueError for less than 1."""
    if studies < 1:
        raise ValueError(f"the number of studies must be at least 1; found {studies}")
    mimic = round(studies * 2 / 3)
    return _plan_mimic(mimic, seed) + _plan_vindr(studies - mimic, seed)


def _plan_mimic(count: int, seed: int) -> list[PlannedStudy]:
    rng = random.Random(f"mimic {seed}")
    first_patient, first_study = rng.randrange(10_000_000), rng.randrange(10_000_000)
    patients: list[int] = []
    while sum(patients) < count:
        patients.append(min(rng.choice((1, 1, 2, 3)), count - sum(patients)))
    split_of = _splits(patients, rng)
    plan = []
    for patient, studies in enumerate(patients):
        split = split_of[patient]
        gold = split == "test" and rng.random() < GOLD_SHARE
        first = datetime.datetime(2110, 1, 1) + datetime.timedelta(minutes=rng.randrange(90 * 525_600))
        for order in range(1, studies + 1):
            index = len(plan)
            days = datetime.timedelta(days=rng.randrange(1, 200) * (order - 1), seconds=rng.randrange(60))
            plan.append(
                PlannedStudy(
                    dataset="mimic-cxr-jpg",
                    split=split,
                    image_id="-".join(_hex(f"mimic {seed} {index}")[8 * part : 8 * part + 8] for part in range(5)),
                    patient_id=str(10_000_000 + (first_patient + patient * _STRIDE) % 10_000_000),
                    study_id=str(50_000_000 + (first_study + index * _STRIDE) % 10_000_000),
                    order=order,
                    taken=first + days,
                    seed=_number("mimic image", seed, index),
                    patient_seed=_number("mimic patient", seed, patient),
                    gold=gold,
                    grounded=split != "train" and rng.random() < GROUNDED_SHARE,
                )
            )
    return plan


def _splits(patients: list[int], rng: random.Random) -> dict[int, str]:
    """The split of each patient, so that each split has about its share of the studies."""
    total = sum(patients)
    shuffled = rng.sample(range(len(patients)), len(patients))
    split_of, filled = {}, 0
    for patient in shuffled:
        test_done, validate_done = round(TEST_SHARE * total), round((TEST_SHARE + VALIDATE_SHARE) * total)
        split_of[patient] = "test" if filled < test_done else "validate" if filled < validate_done else "train"
        filled += patients[patient]
    return split_of


def _plan_vindr(count: int, seed: int) -> list[PlannedStudy]:
    rng = random.Random(f"vindr {seed}")
    test = set(rng.sample(range(count), round(count / 4)))
    return [
        PlannedStudy(
            dataset="vindr-cxr",
            split="test" if index in test else "train",
            image_id=_hex(f"vindr {seed} {index}")[:32],
            patient_id=_hex(f"vindr patient {seed} {index}")[:32],
            study_id=_hex(f"vindr study {seed} {index}")[:32],
            order=1,
            taken=datetime.datetime(2019, 1, 1) + datetime.timedelta(minutes=rng.randrange(525_600)),
            seed=_number("vindr image", seed, index),
            patient_seed=_number("vindr patient", seed, index),
        )
        for index in range(count)
    ]


def _number(purpose: str, seed: int, index: int) -> int:
    """48 bits, so that no two of a million images are likely to be the same."""
    return int(_hex(f"{purpose} {seed} {index}")[:12], 16)


def _hex(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
