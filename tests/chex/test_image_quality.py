"""The gate before a report: what is no frontal chest radiograph, by its header and by its pixels."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from pydicom.uid import DigitalXRayImageStorageForPresentation, DigitalXRayImageStorageForProcessing

from chex.image_quality import RAW, not_frontal, not_upright, unlikely_pixels, unlikely_size, why_not_reported
from chex.pixels import Radiograph, read_radiograph
from pipelines.phantoms.grey_levels import display_window, windowed
from pipelines.phantoms.image import render
from tests.chex.pixels.made import RAMP
from tests.made_dicom import made_dicom

NEGATIVE = "the picture seems to be a negative: bone is dark"


@pytest.fixture(scope="module")
def phantoms():
    images = [render(seed, 128).pixels for seed in range(100, 112)]
    return [windowed(pixels, *display_window(pixels)) for pixels in images]


@pytest.mark.parametrize("view", [None, "", "AP", "PA", "PA/AP", "AP SUPINE", "PA LLD", "LLD", "CHEST", "1"])
def test_views_that_are_or_may_be_frontal(view):
    assert not_frontal(view) is None


@pytest.mark.parametrize(
    "view",
    ["LL", "RL", "LATERAL", "LAT", "XTABLE LATERAL", "OBLIQUE", "RAO", "ll", "SWIMMERS",
     "LLAT", "RLAT", "L LAT", "LT-LATERAL", "RTLAT", "LEFTLATERAL", "PROFIL", "PERFIL", "SAGITTAL"],
)  # fmt: skip
def test_views_that_are_not(view):
    assert not_frontal(view).endswith("neither AP nor PA")


@pytest.mark.parametrize("value", [None, "", "L", "L\\", "\\F", "L\\F", "LF\\FL", "X\\Y", "L\\F\\A"])
def test_orientations_that_are_or_may_be_upright(value):
    elements = {} if value is None else {"PatientOrientation": value}
    assert not_upright(read_radiograph(made_dicom(RAMP, **elements), "x").orientation) is None


@pytest.mark.parametrize(
    ("value", "seen"),
    [("R\\F", "mirrored or turned"), ("F\\R", "mirrored or turned"), ("L\\H", "mirrored or turned"),
     ("RF\\FL", "mirrored or turned"), ("A\\F", "no frontal one"), ("P\\FA", "no frontal one")],
)  # fmt: skip
def test_orientations_that_are_not(value, seen):
    reason = why_not_reported(read_radiograph(made_dicom(RAMP, PatientOrientation=value, ViewPosition="PA"), "x"))
    first = "\\".join(letters[0] for letters in value.split("\\"))
    assert reason == f"PatientOrientation is {first}: the image is {seen}"


@pytest.mark.parametrize(
    ("elements", "reason"),
    [
        ({"SOPClassUID": DigitalXRayImageStorageForProcessing}, RAW),
        ({"PresentationIntentType": "FOR PROCESSING"}, RAW),
        ({"PresentationIntentType": "FOR PROCESSING", "SOPClassUID": DigitalXRayImageStorageForPresentation}, RAW),
        ({"PresentationIntentType": "FOR PRESENTATION", "SOPClassUID": DigitalXRayImageStorageForPresentation}, None),
        ({}, None),
    ],
)
def test_raw_images(phantoms, elements, reason):
    assert why_not_reported(read_radiograph(made_dicom(phantoms[0], 8, ViewPosition="PA", **elements), "x")) == reason


def test_reasons_are_shared_by_many_images():
    assert (
        not_frontal("LATERAL DOE^JANE 2026") == not_frontal("LATERAL") == "ViewPosition is LATERAL, neither AP nor PA"
    )


def test_sizes():
    assert unlikely_size(64, 128) is None and unlikely_size(3000, 2500) is None
    assert "smaller than 64" in unlikely_size(63, 100)
    assert "more than 2 times" in unlikely_size(64, 129) and "more than 2 times" in unlikely_size(500, 100)


def test_phantoms_pass_and_their_negatives_do_not(phantoms):
    assert [unlikely_pixels(pixels) for pixels in phantoms] == [None] * len(phantoms)
    assert {unlikely_pixels(255 - pixels) for pixels in phantoms} == {NEGATIVE}


def test_a_picture_that_shows_nothing(phantoms):
    for value in (0, 128, 255):
        assert unlikely_pixels(np.full((200, 200), value, np.uint8)) == "the picture is blank"
    noise = np.random.default_rng(0).normal(128, 2, (500, 400)).clip(0, 255).astype(np.uint8)
    assert unlikely_pixels(noise) == "the picture is blank"
    burned_in = np.zeros((500, 400), np.uint8)
    burned_in[:20, :40] = 255  # a marker on nothing
    assert unlikely_pixels(burned_in) == "the picture is blank"
    assert unlikely_pixels((phantoms[0] // 3).astype(np.uint8)) is None, "a dark one shows its chest"


def test_the_first_reason_is_the_headers(phantoms):
    image = Radiograph(255 - phantoms[0], (), view="LL", body_part="CHEST")
    assert why_not_reported(image) == "ViewPosition is LL, neither AP nor PA"
    assert (
        why_not_reported(Radiograph(phantoms[0], (), view="PA", body_part="HAND"))
        == "BodyPartExamined is HAND, not CHEST"
    )
    assert why_not_reported(Radiograph(phantoms[0], (), view="PA", body_part="CHEST")) is None


def test_800_real_radiographs_and_their_negatives(shared):
    """NIH ChestX-ray14: no false alarm, and all but two of the negatives are seen."""
    files = sorted((shared / "data" / "real" / "nih" / "images").iterdir())
    images = [np.asarray(Image.open(file).convert("L")) for file in files]
    assert len(images) == 800
    assert sum(unlikely_pixels(pixels) is not None for pixels in images) == 0
    assert sum(unlikely_pixels(255 - pixels) == NEGATIVE for pixels in images) >= 798


def test_real_dicom_files(shared):
    reasons = {}
    for file in sorted((shared / "data" / "real" / "dicom").glob("*cr*.dcm")):
        reasons[file.stem.partition("_")[0]] = why_not_reported(read_radiograph(file.read_bytes(), file.name))
    assert reasons == {"chest": None, "extremity": "BodyPartExamined is EXTREMITY, not CHEST"}
