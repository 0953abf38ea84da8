"""Studies planned by the size of each split instead of by shares, and studies in the layout of NIH ChestX-ray14."""

from __future__ import annotations

import datetime
import random
from collections.abc import Mapping

from pipelines.adapters.nih_cxr14 import VALIDATION_SHARE
from pipelines.phantoms.planned import (
    PlannedStudy,
    image_seed,
    plan_mimic,
    plan_studies,
    plan_vindr,
    studies_of_patients,
)
from pipelines.splits import SPLITS, position

# what the studies of a split are written as; the rest is MIMIC-CXR
VINDR_TRAIN, VINDR_TEST = 1 / 3, 1 / 4
NIH_SHARES = {"train": 0.0, "validate": 1 / 4, "test": 1 / 3}
PATIENTS = 100_000_000  # the names of NIH's images have eight digits for the patient


def plan_splits(train: int, validate: int, test: int, seed: int) -> list[PlannedStudy]:
    """Exactly so many studies of each split once they are converted, for a benchmark of all tasks.

    A third of the training studies is VinDr-CXR's and none NIH ChestX-ray14's. Of validation a quarter and of test a
    third is NIH's, and of both the same number VinDr-CXR's, whose conversion halves its test part. All images of
    MIMIC-CXR that do not train are MS-CXR's, too. ValueError for a split of less than 4 studies and for a
    negative seed.
    """
    if seed < 0:
        raise ValueError(f"a seed is a non-negative integer; found {seed}")
    sizes = dict(zip(SPLITS, (train, validate, test), strict=True))
    for split, size in sizes.items():
        if size < 4:
            raise ValueError(f"the number of studies of split {split} must be at least 4; found {size}")
    nih = {split: round(size * NIH_SHARES[split]) for split, size in sizes.items()}
    tested = min(round(test * VINDR_TEST), validate - nih["validate"] - 1)
    vindr = {"train": round(train * VINDR_TRAIN), "validate": tested, "test": tested}
    rng = random.Random(f"mimic splits {seed}")
    patients, split_of = [], {}
    for split, size in sizes.items():
        drawn = studies_of_patients(size - nih[split] - vindr[split], rng)
        split_of |= {len(patients) + place: split for place in range(len(drawn))}
        patients += drawn
    first = rng.randrange(10_000_000), rng.randrange(10_000_000)
    of_mimic = plan_mimic(patients, split_of, first, seed, rng, grounded=1.0)
    return of_mimic + plan_vindr(vindr["train"] + 2 * tested, 2 * tested, seed) + plan_nih(nih, seed)


def plan_with_nih(studies: int, nih: int, seed: int) -> list[PlannedStudy]:
    """The studies of `plan_studies`, unchanged, and `nih` more: half of them test, a quarter validates.

    ValueError for less than one study and for a negative number.
    """
    if nih < 0:
        raise ValueError(f"the number of NIH studies must be at least 0; found {nih}")
    sizes = {"validate": nih // 4, "test": nih // 2}
    return plan_studies(studies, seed) + plan_nih({"train": nih - sum(sizes.values())} | sizes, seed)


def plan_nih(sizes: Mapping[str, int], seed: int) -> list[PlannedStudy]:
    """So many studies of each split; the patients' numbers are such that the dataset's conversion splits them so."""
    rng = random.Random(f"nih {seed}")
    plan: list[PlannedStudy] = []
    taken: set[int] = set()
    for split, size in sizes.items():
        for studies in studies_of_patients(size, rng):
            patient = _patient(split, taken, rng)
            begun = datetime.datetime(2000, 1, 1) + datetime.timedelta(minutes=rng.randrange(10 * 525_600))
            for order in range(1, studies + 1):
                image_id = f"{patient:08}_{order - 1:03}"
                plan.append(
                    PlannedStudy(
                        dataset="nih-cxr14",
                        split=split,
                        image_id=image_id,
                        patient_id=str(patient),
                        study_id=image_id,
                        order=order,
                        taken=begun + datetime.timedelta(days=100 * (order - 1)),
                        seed=image_seed("nih image", seed, len(plan)),
                        patient_seed=image_seed("nih patient", seed, patient),
                    )
                )
    return plan


def _patient(split: str, taken: set[int], rng: random.Random) -> int:
    """A number that no patient has yet; outside the test list its hash decides whether the patient validates."""
    while True:
        patient = rng.randrange(1, PATIENTS)
        validates = position(f"nih-cxr14/{patient}") < VALIDATION_SHARE
        if patient not in taken and (split == "test" or validates == (split == "validate")):
            taken.add(patient)
            return patient
