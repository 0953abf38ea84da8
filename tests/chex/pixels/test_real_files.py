"""Files that nobody here made."""

from __future__ import annotations

import pytest

from chex.pixels import read_radiograph
from tests.chex.pixels.made import refusal


def test_real_dicom_files(shared):
    folder = shared / "data" / "real" / "dicom"
    read = {path.stem: read_radiograph(path.read_bytes(), path.name) for path in folder.glob("*cr_*.dcm")}
    assert len(read) == 3
    chest = read["chest_cr_jpeg2000_monochrome1"]
    assert (chest.pixels.shape, chest.view, chest.body_part) == ((1955, 1841), "PA", "CHEST")
    # bone bright: the spine is brighter than the lungs beside it
    assert chest.pixels[900:1000, 880:960].mean() > chest.pixels[700:800, 1150:1250].mean() + 20
    assert read["extremity_cr_jpeg2000_monochrome1"].body_part == "EXTREMITY"
    assert read["chest_cr_jpeg_baseline_monochrome2"].pixels.shape == (1024, 1024)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("ct_small_not_a_radiograph", "Modality CT is not a radiograph"),
        ("rtplan_no_pixels", "no pixel data (RT Plan Storage)"),
        ("mr_truncated_pixel_data", "truncated: expected 8192 bytes, found 8130; Modality MR is not a radiograph"),
    ],
)
def test_real_files_that_are_refused(shared, name, reason):
    assert reason in refusal((shared / "data" / "real" / "dicom" / f"{name}.dcm").read_bytes())


def test_real_pictures(shared):
    for path in sorted((shared / "data" / "real" / "images").iterdir()):
        radiograph = read_radiograph(path.read_bytes(), path.name)
        assert min(radiograph.pixels.shape) >= 500
        assert 60 < radiograph.pixels.mean() < 200
