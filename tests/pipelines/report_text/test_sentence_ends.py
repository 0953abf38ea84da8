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
