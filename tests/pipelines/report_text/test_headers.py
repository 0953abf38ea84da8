"""Headers that are easily taken for something else: what stands below them is neither lost nor told as a finding."""

from __future__ import annotations

import pytest

from pipelines.report_text.sections import kind_of
from pipelines.reports import parse

NOT_LOST = {
    "examination inside findings": (
        " FINDINGS:\n PORTABLE CHEST EXAM:  There is a large right pneumothorax.\n",
        ("There is a large right pneumothorax.",),
    ),
    "examination without findings": (
        " INDICATION: Cough.\n\n CHEST EXAM:  The lungs are clear.\n\n IMPRESSION:  Normal chest.\n",
        ("The lungs are clear.", "Normal chest."),
    ),
    "comparison wrapped before its last word": (
        "FINDINGS: LINES ARE IN PLACE. COMPARED TO THE PRIOR\nSTUDY: THERE IS A NEW PNEUMOTHORAX. HEART IS BIG.\n",
        ("LINES ARE IN PLACE.", "THERE IS A NEW PNEUMOTHORAX.", "HEART IS BIG."),
    ),
    "comparison as sub-heading": (
        " FINDINGS:\n COMPARED TO THE PRIOR STUDY:  There is less edema.\n",
        ("There is less edema.",),
    ),
    "note": (
        " FINDINGS:\n NOTE:  There is a 5 mm nodule in the lingula.\n",
        ("There is a 5 mm nodule in the lingula.",),
    ),
    "finding that ends like notification": (
        " FINDINGS:\n OPACIFICATION:  The left base is opacified.\n PLEURA:  No effusion.\n",
        ("The left base is opacified.", "No effusion."),
    ),
    "finding that ends like impression": (
        " FINDINGS:\n COMPRESSION:  Of T5, new.\n DEPRESSION:  Of the sternum.\n",
        ("Of T5, new.", "Of the sternum."),
    ),
}

NO_FINDINGS = {
    "second examination": (" IMPRESSION:  No change.\n\n EXAM:  CHEST, TWO VIEWS.\n", ("No change.",)),
    "examination of the chest": (" CHEST STUDY:  PA and lateral.\n\n IMPRESSION:  No change.\n", ("No change.",)),
    "reference examination": (" IMPRESSION:  No change.\n REFERENCE EXAM:  There is one of ___.\n", ("No change.",)),
    "earlier films": (" PRIOR CHEST FILMS:  The lungs were clear.\n\n IMPRESSION:  New edema.\n", ("New edema.",)),
}


@pytest.mark.parametrize(("text", "sentences"), NOT_LOST.values(), ids=NOT_LOST)
def test_findings_below_are_kept(text, sentences):
    assert parse(text).sentences == sentences


@pytest.mark.parametrize(("text", "sentences"), NO_FINDINGS.values(), ids=NO_FINDINGS)
def test_what_is_no_finding_is_left_out(text, sentences):
    assert parse(text).sentences == sentences


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        ("COMPRESSION", "findings"),
        ("IDENTIFICATION", "findings"),
        ("LEFT PLEURAL CONTUSION", "findings"),
        ("BASAL FLATTENING", "findings"),
        ("STANFORD TYPE B DISSECTION", "findings"),
        ("REPORT", "findings"),
        ("HISTROY", "history"),
        ("TECHNIQE", "technique"),
        ("REASON FOR EXAM", "indication"),
        ("COMPARISON STUDY", "comparison"),
        ("MEDICATIONS", "other"),
    ],
)
def test_kind_of_header_inside_findings(header, kind):
    assert kind_of(header, inside="findings") == kind
