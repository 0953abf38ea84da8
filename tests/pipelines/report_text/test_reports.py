"""Reports as hospitals write them: sections, indication, sentences."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.report_text.sections import kind_of, split_sections
from pipelines.report_text.sentences import clean_sentence
from pipelines.reports import parse

ORDINARY = """                                 FINAL REPORT
 EXAMINATION:  CHEST (PA AND LAT)

 INDICATION:  ___ year old woman with fever  // pneumonia?

 TECHNIQUE:  PA and lateral views

 COMPARISON:  ___

 FINDINGS:

 Heart size is normal.   A 3.5 cm mass in the right upper lobe, e.g. a tumor, has grown
 since ___.  No pneumothorax.

 IMPRESSION:

 1.  Growing mass in the right upper lobe.
 2.  No pneumothorax
 3.  Findings were telephoned to Dr. ___ at 3:15 p.m. by phone.

 NOTIFICATION:  None of this is a finding.
"""


def test_an_ordinary_report():
    report = parse(ORDINARY)
    assert report.indication == "___ year old woman with fever // pneumonia?"
    assert list(report.sections) == [
        "preamble", "examination", "indication", "technique", "comparison", "findings", "impression", "notification",
    ]  # fmt: skip
    assert report.sentences == (
        "Heart size is normal.",
        "A 3.5 cm mass in the right upper lobe, e.g. a tumor, has grown since ___.",
        "No pneumothorax.",
        "Growing mass in the right upper lobe.",
        "No pneumothorax",
        "Findings were telephoned to Dr. ___ at 3:15 p.m. by phone.",
    )


def test_line_ends_of_windows_change_nothing():
    assert parse(ORDINARY.replace("\n", "\r\n")) == parse(ORDINARY)


REPORTS = {
    "misspelled header": (" HISTORY: Fall.\n\n IMPRSSION:  No fracture is seen.\n", ("No fracture is seen.",)),
    "view as header": (
        " CHEST, TWO VIEWS:  ___\n\n HISTORY: Pain.\n\n FINDINGS:  Lungs are clear.\n",
        ("Lungs are clear.",),
    ),
    "view as header with text": (
        " INDICATION: Cough.\n\n FRONTAL AND LATERAL VIEWS OF THE CHEST:  The heart is big. No edema.\n",
        ("The heart is big.", "No edema."),
    ),
    "conclusion": (" CONCLUSION:  Possible granuloma.\n", ("Possible granuloma.",)),
    "both in one": (" FINDINGS AND IMPRESSION:  Clear lungs.  No effusion.\n", ("Clear lungs.", "No effusion.")),
    "wet read above the final report": (
        ("   WET READ: ___ ___ 10:12 PM\n  Tube is too deep.\n ____________________\n"
        "      FINAL REPORT\n FINDINGS:  Tube ends 4 cm above the carina.\n"),
        ("Tube ends 4 cm above the carina.",),
    ),
    "wet read stamp inside findings": (
        " FINDINGS:  WET READ: ___ ___ ___ 8:19 AM  Tube ends high.\n Lungs are clear.\n",
        ("Tube ends high.", "Lungs are clear."),
    ),
    "addendum": (
        "FINAL ADDENDUM \n ADDENDUM:  The nodule was known.\n____\n   FINAL REPORT\n IMPRESSION:  A 6-mm nodule is seen.\n",
        ("A 6-mm nodule is seen.",),
    ),
    "sub-headings": (
        " FINDINGS:\n LUNGS: Clear on both sides.\n TUBES AND LINES:  PICC in the SVC.\n\n IMPRESSION: No change.\n",
        ("Clear on both sides.", "PICC in the SVC.", "No change."),
    ),
    "blank lines inside a sentence": (" FINDINGS: There is no pneumothorax\n\n\n or effusion.\n", ("There is no pneumothorax or effusion.",)),
    "paragraphs without stops": (" FINDINGS:\n Lungs are clear\n\n Heart is big\n", ("Lungs are clear", "Heart is big")),
    "all upper case": (
        "FINDINGS: PREVIOUS TUBE REMOVED. LUNGS ARE CLEAR.\nIMPRESSION: NO CHANGE.\n",
        ("PREVIOUS TUBE REMOVED.", "LUNGS ARE CLEAR.", "NO CHANGE."),
    ),
    "numbers on one line": (" IMPRESSION: 1. No edema.  2. Stable 9 mm nodule. 3) Old fracture.\n", ("No edema.", "Stable 9 mm nodule.", "Old fracture.")),
    "a wrapped number is no list": (" FINDINGS: Fractures of ribs 4 and\n 5. The lungs are clear.\n", ("Fractures of ribs 4 and 5.", "The lungs are clear.")),
    "a number out of sequence is no list": (" FINDINGS: Fractures of ribs 6, 7 plus\n 8. The lungs are clear.\n", ("Fractures of ribs 6, 7 plus 8.", "The lungs are clear.")),
    "header in the middle of a line": (
        "INDICATION: Cough. FINDINGS: Clear lungs. IMPRESSION: Normal chest.",
        ("Clear lungs.", "Normal chest."),
    ),
    "header without colon": (" FINDINGS\n Clear lungs.\n\n IMPRESSION\n Normal chest.\n", ("Clear lungs.", "Normal chest.")),
    "header in small letters": ("Findings: Clear lungs.\nImpression: Normal chest.", ("Clear lungs.", "Normal chest.")),
    "two sections of findings": (" FINDINGS: First block.\n\n FINDINGS: Second block.\n", ("First block.", "Second block.")),
    "repeats and single words": (" FINDINGS: No edema. Normal. no  edema. Clear lungs.\n", ("No edema.", "Clear lungs.")),
    "small letters after stops": (" FINDINGS: heart is normal. there is approx. 2 cm of fluid.\n", ("Heart is normal.", "There is approx. 2 cm of fluid.")),
    "neither findings nor impression": (" INDICATION: Trauma.\n\n TECHNIQUE: One view.\n", ()),
    "no header at all": ("The lungs are clear. No effusion.", ()),
    "nothing": ("", ()),
}  # fmt: skip


@pytest.mark.parametrize("name", REPORTS)
def test_sentences_of(name):
    text, sentences = REPORTS[name]
    assert parse(text).sentences == sentences


def test_closing_paragraphs_are_not_part_of_the_indication():
    report = parse(" REASON FOR EXAM:  Follow-up\n of edema.\n\n AP chest was reviewed.\n\n Heart is big.\n")
    assert report.indication == "Follow-up of edema."
    assert report.sections["last paragraph"].startswith("AP chest")
    assert report.sentences == ()


def test_history_stands_in_for_a_missing_indication():
    assert parse(" CLINICAL HISTORY: Fall.\n FINDINGS: Clear lungs.").indication == "Fall."
    assert parse(" FINDINGS: Clear lungs.").indication is None


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        ("IMPRESSON", "impression"),
        ("IMPRESSION AND RECOMMENDATION", "impression"),
        ("FINIDNGS", "findings"),
        ("TECHNIQUE AND FINDINGS", "findings"),
        ("PORTABLE AP", "findings"),
        ("REASON FOR EXAMINATION", "indication"),
        ("CLINICAL INFORMATION", "history"),
        ("COMPARSION", "comparison"),
        ("TYPE OF EXAMINATION", "examination"),
        ("RECOMMENDATION(S)", "recommendations"),
        ("PROVISIONAL FINDINGS IMPRESSION (PFI)", "wet read"),
        ("MEDICATIONS", "other"),
        ("ZZZ", "other"),
    ],
)
def test_kind_of_header(header, kind):
    assert kind_of(header) == kind


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("  the lungs\n are   clear.. ", "The lungs are clear."),
        ("CHEST, AP PORTABLE: left effusion .", "Left effusion."),
        ("2. Small nodule.", "Small nodule."),
        ("The tube is 4. 5 cm above the carina.", "The tube is 4.5 cm above the carina."),
        ("Opacity at T5. Follow-up.", "Opacity at T5. Follow-up."),
        (" ", ""),
    ],
)
def test_clean_sentence(text, clean):
    assert clean_sentence(text) == clean


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet="FINDGS: IMPRE\n.123ab_()-\t\x00é", max_size=120))
def test_no_text_is_refused_and_no_word_is_invented(text):
    assert "".join(section.text for section in split_sections(text)) == "" or text.strip()
    for sentence in parse(text).sentences:
        assert len(sentence.split()) >= 2
        assert sentence == " ".join(sentence.split())
        assert set(sentence.lower()) <= set(text.lower()) | {" "}


@pytest.mark.parametrize(
    "text",
    [
        "1/" * 3000 + "x",
        "1" * 9000 + "x",
        "AP " * 5000 + "x",
        "a.b." * 5000,
        "\n" * 5000,
        " ." * 5000,
        "WET READ " * 4000,
        ("rib " + "1" * 50 + "x 4. 5 cm ") * 99,
    ],
)
def test_odd_texts_take_no_longer(text):
    begin = time.process_time()
    parse(f" FINDINGS: {text}")
    assert time.process_time() - begin < 3


def test_five_hundred_reports_a_second():
    seconds = []
    for _ in range(3):
        begin = time.process_time()
        for _ in range(100):
            parse(ORDINARY)
        seconds.append(time.process_time() - begin)
    assert 100 / min(seconds) >= 500
