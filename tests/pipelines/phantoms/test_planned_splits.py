"""Plans by the size of each split: exact once converted, no patient in two splits, the other studies unchanged."""

from __future__ import annotations

from collections import Counter, defaultdict

import pytest

from pipelines.phantoms.planned import plan_studies
from pipelines.phantoms.planned_splits import plan_nih, plan_splits, plan_with_nih
from pipelines.splits import halved, position


def converted_split(study, halves):
    return halves.get(f"vindr-cxr/{study.image_id}", study.split)


@pytest.mark.parametrize("sizes", [(4000, 400, 600), (40, 8, 12), (4, 4, 4), (9, 5, 50)])
def test_the_splits_are_exact_once_converted(sizes):
    plan = plan_splits(*sizes, seed=1)
    halves = halved(f"vindr-cxr/{s.image_id}" for s in plan if (s.dataset, s.split) == ("vindr-cxr", "test"))
    counted = Counter(converted_split(study, halves) for study in plan)
    assert (counted["train"], counted["validate"], counted["test"]) == sizes
    kinds = defaultdict(Counter)
    for study in plan:
        kinds[converted_split(study, halves)][study.dataset] += 1
    assert kinds["train"].keys() == {"mimic-cxr-jpg", "vindr-cxr"}
    assert kinds["validate"].keys() == kinds["test"].keys() == {"mimic-cxr-jpg", "vindr-cxr", "nih-cxr14"}
    assert kinds["validate"]["vindr-cxr"] == kinds["test"]["vindr-cxr"]
    splits = defaultdict(set)
    for study in plan:
        splits[study.dataset, study.patient_id].add(study.split)
    assert all(len(of_patient) == 1 for of_patient in splits.values())
    assert all(s.grounded == (s.split != "train") for s in plan if s.dataset == "mimic-cxr-jpg")
    for identity in ("image_id", "seed"):
        assert len({getattr(study, identity) for study in plan}) == sum(sizes)


def test_nih_patients_are_where_the_dataset_s_conversion_puts_them():
    plan = plan_nih({"train": 30, "validate": 20, "test": 50}, seed=2)
    assert Counter(study.split for study in plan) == {"train": 30, "validate": 20, "test": 50}
    for study in plan:
        if study.split != "test":
            assert (position(f"nih-cxr14/{study.patient_id}") < 0.1) == (study.split == "validate")
        assert study.image_id == f"{int(study.patient_id):08}_{study.order - 1:03}"
    assert plan != plan_nih({"train": 30, "validate": 20, "test": 50}, seed=3)


def test_more_nih_studies_change_no_other():
    plan = plan_with_nih(30, 8, seed=4)
    assert plan[:30] == plan_studies(30, 4)
    assert Counter(study.split for study in plan[30:]) == {"train": 2, "validate": 2, "test": 4}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: plan_splits(4, 3, 4, 0), "of split validate must be at least 4; found 3"),
        (lambda: plan_splits(4, 4, 4, -1), "non-negative integer; found -1"),
        (lambda: plan_with_nih(1, -1, 0), "at least 0; found -1"),
        (lambda: plan_with_nih(0, 1, 0), "at least 1; found 0"),
    ],
)
def test_impossible_numbers_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        wrong()
