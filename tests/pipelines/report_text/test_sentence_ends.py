"""Numbers at the end of a sentence: of a measurement, of a rib, of the next item of a list."""

from __future__ import annotations

import pytest

from pipelines.report_text.sentences import split_sentences


@pytest.mark.parametrize(
    "first",
    [
        "Unchanged since 2012.",
        "Compared to the study of 5/12.",
        "Radiograph of 14:22.",
        "Cardiothoracic ratio of 0.5.",
        "Compression deformity of T10.",
        "Compression deformity of T 9.",
        "Narrowed disc at C5-6.",
        "Fracture of rib 5.",
        "Fracture of rib #5.",
        "Fractures of ribs 4, 5 and 7.",
        "Fractures of ribs 4 through 10.",
        "Fractures of ribs 4-8.",
        "Collapse of segment 6.",
        "Sarcoidosis of stage 2.",
        "Lymph node of level 4.",
    ],
)
def test_no_measurement_is_made_of_two_sentences(first):
    second = "6 mm nodule in the left upper lobe."
    assert split_sentences(f"{first} {second}") == (first, second)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("The tube ends 4. 5 cm above the carina.", "The tube ends 4.5 cm above the carina."),
        ("The heart is 12. 5 cm wide.", "The heart is 12.5 cm wide."),
        ("Nodule of 1-1. 5 cm.", "Nodule of 1-1.5 cm."),
        ("Size:4. 5 cm in the patient's 2. 5-cm lesion.", "Size:4.5 cm in the patient's 2.5-cm lesion."),
    ],
)
def test_torn_decimals_are_mended(text, sentence):
    assert split_sentences(text) == (sentence,)


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        (
            "1. no acute process 2. stable cardiomegaly 3. tubes ok",
            ("No acute process", "Stable cardiomegaly", "Tubes ok"),
        ),
        ("1. Small effusion, 2. mild edema.", ("Small effusion,", "Mild edema.")),
        ("1. no CHF 2. mass (new) 3. no PTX", ("No CHF", "Mass (new)", "No PTX")),
        ("1. NO CHANGE 2. MILD EDEMA", ("NO CHANGE", "MILD EDEMA")),
        ("1. Two tubes x 2. No edema. 2. Old clips", ("Two tubes x 2.", "No edema.", "Old clips")),
        ("1. mass in segment 2. it has grown 2. no edema", ("Mass in segment 2.", "It has grown", "No edema")),
        ("1. fractures of ribs 1, 2. no edema", ("Fractures of ribs 1, 2.", "No edema")),
        ("1. fracture of L 2. no edema 2. no effusion", ("Fracture of L 2.", "No edema", "No effusion")),
        ("1. effusions, R>L 2. no edema\n3. edema, R > L\n4. clips", ("Effusions, R>L", "No edema", "Edema, R > L")),
        ("Effusions, now 2. no edema", ("Effusions, now 2.", "No edema")),
    ],
)
def test_numbers_of_a_list_on_one_line(text, sentences):
    assert split_sentences(text) == sentences
