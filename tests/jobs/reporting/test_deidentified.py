"""Reasons of a de-identified result set: what is wrong, without a word of what a header says."""

from __future__ import annotations

import pytest

from chex.body_part import off_topic
from chex.exports.deidentification import Deidentifier
from chex.pixels import UnusableImage, read_radiograph
from jobs.reporting.deidentified import deidentified
from jobs.reporting.part import NOT_REPORTED, UNUSABLE, ReadImage
from tests.chex.exports.reports import dicom_file

ODD = (
    "DOE",
    "DOE; JOHN",
    "DOE: JOHN (9)",
    "DOE\nJOHN",
    "DOE is not JOHN",
    "DOE is not supported JOHN",
    "DOE, not JOHN",
)


def told(reason: str, outcome: str) -> str:
    return deidentified(ReadImage("a.dcm", outcome, reason, "decode"), Deidentifier(bytes(16))).reason


def refusal(**changes) -> str:
    with pytest.raises(UnusableImage) as caught:
        read_radiograph(dicom_file(**changes), "a.dcm")
    return told(caught.value.reason, UNUSABLE)


@pytest.mark.parametrize("value", ODD)
def test_whatever_a_header_says_is_cut_out(value):
    why = refusal(Modality=value)
    assert why in ("Modality is not a radiograph", "Modality is not supported")
    assert refusal(PhotometricInterpretation=value) == "PhotometricInterpretation is not supported"
    assert told(off_topic(value), NOT_REPORTED) == "BodyPartExamined is not CHEST"


def test_what_a_person_can_act_on_stays():
    assert refusal(Modality="CT") == "Modality is not a radiograph"
    assert told("BitsAllocated 32 is not supported (expected 8 or 16)", UNUSABLE) == "BitsAllocated is not supported"
    assert told("transfer syntax 1.2.3; DOE is not supported; Modality CT is not a radiograph", UNUSABLE) == (
        "transfer syntax is not supported"
    )
    assert told("pixel data is truncated: expected 8 bytes, found 2; Modality CT is not a radiograph", UNUSABLE) == (
        "pixel data is truncated"
    )
    assert told("unforeseen fault (ValueError)", UNUSABLE) == "unforeseen fault"
    assert told("ViewPosition is LATDOE, neither AP nor PA", NOT_REPORTED) == "ViewPosition is neither AP nor PA"
    negative = "the picture seems to be a negative: bone is dark"
    assert told(negative, NOT_REPORTED) == negative
