"""Which studies there will be: patients, splits, identifiers and dates, all drawn from one seed before any image."""

from __future__ import annotations

import datetime
import hashlib
import random
from collections.abc import Mapping
from dataclasses import dataclass

TEST_SHARE, VALIDATE_SHARE, GOLD_SHARE, GROUNDED_SHARE = 0.12, 0.08, 0.1, 0.7
# coprime to ten million: consecutive numbers give identifiers all over the range, and never the same twice
_STRIDE = 7_368_787


@dataclass(frozen=True, slots=True)
class PlannedStudy:
    """One image to be made and written; `folder` is relative to its dataset, as are the files in it."""

    dataset: str  # "mimic-cxr-jpg", "vindr-cxr" or "nih-cxr14"
    split: str  # "train", "validate" or "test"; VinDr has no "validate", its conversion halves "test"
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
    """Two thirds MIMIC-CXR studies of one frontal image each, one third VinDr-CXR images.

    ValueError for less than one study and for a negative seed.
    """
    if seed < 0:
        raise ValueError(f"a seed is a non-negative integer; found {seed}")
    if studies < 1:
        raise ValueError(f"the number of studies must be at least 1; found {studies}")
    mimic = round(studies * 2 / 3)
    rng = random.Random(f"mimic {seed}")
    first = rng.randrange(10_000_000), rng.randrange(10_000_000)
    patients = studies_of_patients(mimic, rng)
    of_mimic = plan_mimic(patients, _splits(patients, rng), first, seed, rng)
    vindr = studies - mimic
    return of_mimic + plan_vindr(vindr, round(vindr / 4), seed)


def studies_of_patients(count: int, rng: random.Random) -> list[int]:
    """How many of `count` studies each patient has: one to three."""
    patients: list[int] = []
    while sum(patients) < count:
        patients.append(min(rng.choice((1, 1, 2, 3)), count - sum(patients)))
    return patients


def plan_mimic(
    patients: list[int],
    split_of: Mapping[int, str],
    first: tuple[int, int],
    seed: int,
    rng: random.Random,
    grounded: float = GROUNDED_SHARE,
) -> list[PlannedStudy]:
    """The studies of patients of so many studies each, in the splits of their places in the list.

    `first` are the numbers from which patients and studies are named; `grounded` is MS-CXR's share of the images that
    do not train.
    """
    first_patient, first_study = first
    plan = []
    for patient, studies in enumerate(patients):
        split = split_of[patient]
        gold = split == "test" and rng.random() < GOLD_SHARE
        begun = datetime.datetime(2110, 1, 1) + datetime.timedelta(minutes=rng.randrange(90 * 525_600))
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
                    taken=begun + days,
                    seed=image_seed("mimic image", seed, index),
                    patient_seed=image_seed("mimic patient", seed, patient),
                    gold=gold,
                    grounded=split != "train" and rng.random() < grounded,
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


def plan_vindr(count: int, tested: int, seed: int) -> list[PlannedStudy]:
    """`count` images, `tested` of them in the dataset's test part."""
    rng = random.Random(f"vindr {seed}")
    test = set(rng.sample(range(count), tested))
    return [
        PlannedStudy(
            dataset="vindr-cxr",
            split="test" if index in test else "train",
            image_id=_hex(f"vindr {seed} {index}")[:32],
            patient_id=_hex(f"vindr patient {seed} {index}")[:32],
            study_id=_hex(f"vindr study {seed} {index}")[:32],
            order=1,
            taken=datetime.datetime(2019, 1, 1) + datetime.timedelta(minutes=rng.randrange(525_600)),
            seed=image_seed("vindr image", seed, index),
            patient_seed=image_seed("vindr patient", seed, index),
        )
        for index in range(count)
    ]


def image_seed(purpose: str, seed: int, index: int) -> int:
    """48 bits, so that no two of a million images are likely to be the same."""
    return int(_hex(f"{purpose} {seed} {index}")[:12], 16)


def _hex(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
