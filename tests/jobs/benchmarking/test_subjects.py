"""What queries are about, for models that know classes and no sentences."""

from __future__ import annotations

import pytest

from chex.records import Query
from chex.vocabulary import load
from jobs.benchmarking.subjects import Subject, subject_of, subjects

EFFUSION = load().finding_of("chexpert/Pleural Effusion")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (Query(text="anything", name=EFFUSION.id), Subject("finding", EFFUSION.id)),
        (Query(text=EFFUSION.box_prompt), Subject("finding", EFFUSION.id)),
        (Query(text="Small right pleural effusion"), Subject("finding", EFFUSION.id)),
        # an opacity that is called something else as well
        (
            Query(text="Right basilar opacity concerning for pneumonia"),
            Subject("finding", load().finding_of("chexpert/Pneumonia").id),
        ),
        # what is denied is not what a sentence is about
        (Query(text="The right lung has no pneumothorax; lung markings"), Subject("region", "right lung")),
        (Query(text="left lower lung zone"), Subject("region", "left lower lung zone")),
        (Query(text="lungs"), Subject("region", "lungs")),
        (Query(text="Comparison is made with the prior study"), None),
        (Query(box=(0.1, 0.1, 0.5, 0.5)), None),
    ],
)
def test_queries_are_about_what_they_name(query, expected):
    assert subject_of(query) == expected


def test_every_prompt_of_a_finding_is_about_it_or_one_spelled_the_same():
    words = load()
    for term in words.findings.values():
        found = subject_of(Query(text=term.box_prompt))
        assert found.kind == "finding"
        assert found.name == term.id or words.findings[found.name].box_prompt.lower() == term.box_prompt.lower()


def test_subjects_are_all_findings_and_regions():
    words = load()
    assert len(set(subjects())) == len(words.findings) + len(words.regions) + len(words.grouped)
