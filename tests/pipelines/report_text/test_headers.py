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
    "comparison after the view": (
        " AP CHEST COMPARED TO PRIOR STUDY:  There is less edema.\n\n PORTABLE CHEST SINCE PREVIOUS:  No change.\n",
        ("There is less edema.", "No change."),
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

SUB_HEADINGS = {
    "sides": (
        " FINDINGS:\n RIGHT LUNG:  Large pneumothorax.  Shift.\n LEFT LUNG:\n\n Clear.\n PLEURA:  No effusion.\n",
        ("RIGHT LUNG: Large pneumothorax.", "LEFT LUNG: Clear.", "No effusion."),
    ),
    "devices on one line": (
        " FINDINGS:  ETT: 3 cm above the carina. NG TUBE: in the stomach. HEART: Big as before.\n",
        ("ETT: 3 cm above the carina.", "NG TUBE: in the stomach.", "Big as before."),
    ),
    "devices line by line": (
        " IMPRESSION:\n CHEST TUBE:  Unchanged.\n LEFT PICC:\n - ends high\n LINES AND TUBES:  No other line.\n",
        ("CHEST TUBE: Unchanged.", "LEFT PICC: ends high", "No other line."),
    ),
    "side of a view": (
        " LEFT LATERAL DECUBITUS VIEW:  The effusion layers.\n RIGHT SHOULDER, TWO VIEWS:  No fracture.\n",
        ("The effusion layers.", "RIGHT SHOULDER, TWO VIEWS: No fracture."),
    ),
    "small letters without stops": (
        " FINDINGS:\n LUNGS: clear of edema\n\n HEART: normal in size\n BONES: 1. intact ribs. 2. old clips\n",
        ("Clear of edema", "Normal in size", "Intact ribs.", "Old clips"),
    ),
    "side in a section's header": (" FINDINGS, LEFT RIBS:  No fracture.\n", ("No fracture.",)),
    "headings of nothing or of a list": (
        " FINDINGS:\n RIGHT LUNG:\n LEFT LUNG:  ___\n LEFT RIBS:  1. No fracture. 2. No lesion.\n",
        ("No fracture.", "No lesion."),
    ),
}

NO_FINDINGS = {
    "second examination": (" IMPRESSION:  No change.\n\n EXAM:  CHEST, TWO VIEWS.\n", ("No change.",)),
    "examination of the chest": (" CHEST STUDY:  PA and lateral.\n\n IMPRESSION:  No change.\n", ("No change.",)),
    "reference examination": (" IMPRESSION:  No change.\n REFERENCE EXAM:  There is one of ___.\n", ("No change.",)),
    "interpreting physician": (
        " IMPRESSION:  No change.\n INTERPRETING PHYSICIAN:  John Smith, M.D.\n",
        ("No change.",),
    ),
    "read by": (" IMPRESSION:  No change.\n READ BY:  John Smith, M.D.\n", ("No change.",)),
    "reported by, in small letters": ("Impression: No change.\nReported by: John Smith, M.D.\n", ("No change.",)),
    "interpreted by, on the same line": ("IMPRESSION: No change. INTERPRETED BY: John Smith, M.D.", ("No change.",)),
    "radiologist": (" IMPRESSION:  No change.\n RADIOLOGIST:  John Smith, M.D.\n", ("No change.",)),
    "patient": (" PATIENT SUMMARY:  Cough for two days.\n\n IMPRESSION:  No change.\n", ("No change.",)),
    "earlier examination": (
        " PREVIOUS CHEST EXAM:  The lungs were clear.\n\n IMPRESSION:  New edema.\n",
        ("New edema.",),
    ),
    "earlier films": (" PRIOR CHEST FILMS:  The lungs were clear.\n\n IMPRESSION:  New edema.\n", ("New edema.",)),
}


@pytest.mark.parametrize(("text", "sentences"), NOT_LOST.values(), ids=NOT_LOST)
def test_findings_below_are_kept(text, sentences):
    assert parse(text).sentences == sentences


@pytest.mark.parametrize(("text", "sentences"), SUB_HEADINGS.values(), ids=SUB_HEADINGS)
def test_sub_headings_part_sentences_and_keep_their_side_or_device(text, sentences):
    assert parse(text).sentences == sentences


@pytest.mark.parametrize(("text", "sentences"), NO_FINDINGS.values(), ids=NO_FINDINGS)
def test_what_is_no_finding_is_left_out(text, sentences):
    assert parse(text).sentences == sentences


@pytest.mark.parametrize(
    "header",
    [
        "CLINICAL SUMMARY",
        "CLINICAL IMPRESSION",
        "CLINICAL FINDINGS",
        "INDICATION/CLINICAL FINDINGS",
        "Clinical findings",
    ],
)
def test_what_was_known_before_is_an_indication(header):
    report = parse(f" {header}:  67M with cough, rule out pneumonia.\n\n FINDINGS:  The lungs are clear.\n")
    assert report.sentences == ("The lungs are clear.",)
    assert report.indication == "67M with cough, rule out pneumonia."


def test_clinical_findings_on_the_line_of_the_examination():
    report = parse("EXAM: CHEST. CLINICAL FINDINGS: Fever and cough. FINDINGS: The lungs are clear.")
    assert (report.sentences, report.indication) == (("The lungs are clear.",), "Fever and cough.")


@pytest.mark.parametrize(
    "header", ["RADIOLOGIST INTERPRETATION", "DIAGNOSIS AND IMPRESSION", "FINDINGS (PHYSICIAN READ)"]
)
def test_findings_of_a_person_are_findings(header):
    assert parse(f" {header}:  The lungs are clear.\n").sentences == ("The lungs are clear.",)


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        ("WET READ BY", "wet read"),
        ("CLINICAL CORRELATION", "history"),
        ("PATIENT POSITION", "findings"),
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
