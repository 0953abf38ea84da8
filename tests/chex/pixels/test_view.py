"""The view of a radiograph, which digital ones need to give as a code only."""

from __future__ import annotations

import pydicom
import pytest
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from chex.image_quality import not_frontal
from chex.pixels import UnusableImage, read_radiograph
from chex.pixels.view import CODES
from tests.chex.pixels.made import RAMP, saved, sequence_item
from tests.made_dicom import made_dataset, made_dicom

VIEWS = [getattr(codes.cid4010, name) for name in codes.cid4010.dir()]
SIDEWAYS = ("lateral", "oblique", "sagittal", "medi", "cranio-caudal")


def coded(value: str, meaning: str, scheme: str = "SCT", **elements) -> bytes:
    item = sequence_item(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=meaning)
    return made_dicom(RAMP, Modality="DX", ViewCodeSequence=item, **elements)


def view(data: bytes) -> str | None:
    return read_radiograph(data, "x").view


@pytest.mark.parametrize(
    ("value", "expected"),
    [("272479007", "PA"), ("R-10214", "PA"), ("399348003", "AP"), ("R-10206", "AP"), ("399173006", "LL"),
     ("R-10236", "LL"), ("399198007", "RL"), ("399067008", "LATERAL"), ("R-102CD", "LATERAL"), ("R-40985", "RAO")],
)  # fmt: skip
@pytest.mark.parametrize("position", [{}, {"ViewPosition": ""}])
def test_codes_without_a_view_position(value, expected, position):
    assert view(coded(value, "whatever the language", **position)) == expected


@pytest.mark.parametrize("code", VIEWS, ids=lambda code: code.meaning)
def test_every_view_of_the_standard_is_judged_as_its_meaning_says(code):
    sideways = any(word in code.meaning.lower() for word in SIDEWAYS)
    assert (not_frontal(view(coded(code.value, code.meaning))) is not None) == sideways


def test_older_codes_are_those_that_pydicom_takes_for_the_same():
    withdrawn = {"R-10214", "R-10218", "R-10222"}
    for known in CODES.values():
        new = [Code(value, "SCT", "") for value in known if value.isdigit()]
        old = [Code(value, "SRT", "") for value in known if not value.isdigit() and value not in withdrawn]
        assert all(value in VIEWS for value in new)
        assert len(old) == len(new) and all(value in new for value in old)


def test_view_position_goes_before_the_code():
    assert view(coded("399067008", "lateral", ViewPosition="PA")) == "PA"


def test_unknown_codes_are_told_by_their_meaning():
    assert view(coded("X1", "Chest lateral", "99SITE")) == "CHEST LATERAL"
    assert view(coded("X1", "", "99SITE")) is None


def test_broken_sequences_say_nothing():
    assert view(made_dicom(RAMP)) is None
    assert view(made_dicom(RAMP, ViewCodeSequence=pydicom.Sequence())) is None
    assert view(made_dicom(RAMP, ViewCodeSequence=sequence_item(CodingSchemeDesignator="SCT"))) is None
    assert view(made_dicom(RAMP, ViewCodeSequence=sequence_item(CodeValue=["1", "2"]))) is None
    dataset = made_dataset(RAMP)
    dataset.add(pydicom.DataElement(0x00540220, "LO", "lateral"))
    assert view(saved(dataset)) is None


def test_a_sequence_that_is_damaged_anywhere_raises_nothing_of_its_own():
    data = coded("399067008", "lateral")
    for place in range(data.index(b"\x54\0\x20\x02SQ"), data.index(b"lateral")):
        try:
            read_radiograph(data[:place] + b"\xff" + data[place + 1 :], "x")
        except UnusableImage as refused:
            assert "cannot be decoded" not in refused.reason
