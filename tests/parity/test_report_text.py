"""The comparison of reports: it sees past the named faults, and past nothing else."""

from __future__ import annotations

import copy

import pytest

from tests.parity.cases import Case
from tests.parity.pyfuncs import report_text  # noqa: F401 - registers the checks
from tests.parity.registry import load_checks
from tests.parity.run import run_case

TEXT = (
    "          FINAL REPORT\n INDICATION:  Dyspnea.\n \n FINDINGS:  WET READ: ___ ___ 8:19 AM  Opacity at T5. The heart is"
    " 4. 5 cm\n too wide..\n \n IMPRESSION:  1.  Edema.\n 2.  FRONTAL view shows a nodule, #1 in 5) the list.\n"
)
FINDINGS = " WET READ: ___ ___ 8:19 AM  Opacity at T5. The heart is 4. 5 cm\n too wide..\n \n "
IMPRESSION = "  1.  Edema.\n 2.  FRONTAL view shows a nodule, #1 in 5) the list.\n"
REPORT = {
    "text": TEXT,
    "sections": ["          FINAL REPORT\n ", "  Dyspnea.\n \n ", FINDINGS, IMPRESSION],
    "section_names": ["preamble", "indication", "findings", "impression"],
    "section_idx": [0, TEXT.index("  Dyspnea"), TEXT.index("  WET"), TEXT.index("  1.")],
    "sections_by_name": {
        "preamble": "FINAL REPORT\n ", "indication": " Dyspnea.\n", "findings": FINDINGS, "impression": IMPRESSION,
    },
    "relevant_sections": [FINDINGS, IMPRESSION],
    "cleaned_sections": [": ___ ___ 8:AM Opacity at TThe heart is 5 cm\n too wide..", "Edema.\n view shows a nodule, in the list."],
    "has_relevant": True,
}  # fmt: skip


def failures(report: dict) -> set[str]:
    groups = {name: {} for name in ("inputs", "params", "outputs", "grads", "kwargs")}
    case = Case("reports", **groups, extra={"note": "", "cases": [report]})
    return {row.quantity.removeprefix("0.") or row.note for row in run_case(case, load_checks("pyfuncs")) if not row.ok}


def test_the_named_faults_are_seen_through():
    assert failures(REPORT) == set()


@pytest.mark.parametrize(
    ("quantity", "place", "value"),
    [
        ("section_names", 2, "impression"),
        ("sections", 2, FINDINGS.replace("too", "two")),
        ("section_idx", 2, TEXT.index("  WET") + 5),
        ("relevant_sections", 1, FINDINGS),
        ("cleaned_sections", 0, ": ___ ___ 8:AM Opacity at TThe heart is 6 cm\n too wide.."),
        ("cleaned_sections", 0, ": ___ ___ 8:AM The heart is 5 cm\n too wide.."),
        ("cleaned_sections", 1, "IMPRESSIONS are: Edema.\n view shows a nodule, in the list."),
        ("cleaned_sections", 1, "Edema. View shows a nodule."),
        ("sections_by_name", "findings", IMPRESSION),
    ],
)
def test_any_other_difference_fails(quantity, place, value):
    report = copy.deepcopy(REPORT)
    report[quantity][place] = value
    assert quantity in failures(report)


def test_a_flag_or_a_quantity_too_many_fails():
    assert failures(REPORT | {"has_relevant": False}) == {"has_relevant"}
    [reason] = failures(REPORT | {"words": 7})
    assert "recorded are" in reason or "words" in reason
