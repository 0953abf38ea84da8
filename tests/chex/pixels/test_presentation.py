"""Grey values of DICOM files: as the standard wants them shown, bone bright."""

from __future__ import annotations

import io

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.pixels import apply_voi, apply_windowing

from chex.pixels import read_radiograph
from tests.chex.pixels.made import RAMP, pixels_of, saved, sequence_item
from tests.made_dicom import made_dataset, made_dicom


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
@pytest.mark.parametrize(("center", "width"), [(2048, 1000), (600, 3000), (1000.5, 777)])
def test_window_agrees_with_pydicom(function, center, width):
    elements = {"WindowCenter": center, "WindowWidth": width, "VOILUTFunction": function}
    expected = apply_windowing(RAMP, made_dataset(RAMP, **elements)) / 4095 * 255
    assert np.abs(pixels_of(made_dicom(RAMP, **elements)) - expected).max() <= 0.51


def test_window_acts_on_rescaled_values():
    elements = {"RescaleSlope": 2, "RescaleIntercept": -1000, "WindowCenter": 1000, "WindowWidth": 2000}
    expected = np.clip((2.0 * RAMP - 1000 - 999.5) / 1999 + 0.5, 0, 1) * 255
    radiograph = read_radiograph(made_dicom(RAMP, **elements), "x")
    assert np.abs(radiograph.pixels - expected).max() <= 0.51
    assert radiograph.notes == ("rescaled by 2 x + -1000", "window center 1000 width 2000")


def test_first_of_several_windows_is_used():
    several = made_dicom(RAMP, WindowCenter=[2048, 100], WindowWidth=[1000, 50])
    assert (pixels_of(several) == pixels_of(made_dicom(RAMP, WindowCenter=2048, WindowWidth=1000))).all()


def test_monochrome1_is_the_inverse_of_monochrome2():
    window = {"WindowCenter": 2048, "WindowWidth": 4096}
    plain = pixels_of(made_dicom(RAMP, **window)).astype(int)
    radiograph = read_radiograph(made_dicom(RAMP, PhotometricInterpretation="MONOCHROME1", **window), "x")
    assert np.abs(255 - plain - radiograph.pixels).max() <= 1
    assert "MONOCHROME1 inverted" in radiograph.notes


def test_signed_values():
    signed = (RAMP.astype(np.int16) - 2048).astype(np.int16)
    window = pixels_of(made_dicom(signed, bits=16, WindowCenter=0, WindowWidth=4096))
    assert (window == pixels_of(made_dicom(RAMP, WindowCenter=2048, WindowWidth=4096))).all()


def test_bits_beyond_those_stored_are_ignored():
    window = {"WindowCenter": 2048, "WindowWidth": 4096}
    assert (pixels_of(made_dicom(RAMP | 0x8000, **window)) == pixels_of(made_dicom(RAMP, **window))).all()


def test_voi_table_agrees_with_pydicom_and_goes_before_the_window():
    table = (np.sqrt(np.arange(4096) / 4095) * 65535).astype(np.uint16)
    sequence = sequence_item(LUTDescriptor=[4096, 0, 16], LUTData=table.tobytes())
    elements = {"VOILUTSequence": sequence, "WindowCenter": 1, "WindowWidth": 2}
    data = made_dicom(RAMP, **elements)
    expected = apply_voi(RAMP, pydicom.dcmread(io.BytesIO(data))) / 65535 * 255
    radiograph = read_radiograph(data, "x")
    assert np.abs(radiograph.pixels - expected).max() <= 0.51
    assert radiograph.notes == ("VOI LUT applied",)


def test_modality_table():
    table = np.arange(4095, -1, -1, dtype=np.uint16).tobytes()
    sequence = sequence_item(LUTDescriptor=[4096, 0, 16], LUTData=table, ModalityLUTType="US")
    turned = pixels_of(made_dicom(RAMP, ModalityLUTSequence=sequence, WindowCenter=2048, WindowWidth=4096))
    assert (turned == pixels_of(made_dicom(RAMP, WindowCenter=2048, WindowWidth=4096))[::-1, ::-1]).all()


def test_padding_is_black_and_outside_the_range():
    values = RAMP // 4 + 1000  # 1000 to 2023
    values[:, :20] = 4000
    for photometric in ("MONOCHROME1", "MONOCHROME2"):
        data = made_dicom(values, PixelPaddingValue=4000, PhotometricInterpretation=photometric)
        radiograph = read_radiograph(data, "x")
        assert (radiograph.pixels[:, :20] == 0).all()
        assert radiograph.pixels[:, 20:].max() == 255, "the padding must not use up the range"
        assert radiograph.notes[0] == "padding value 4000: 31.2% of the pixels made black"


def test_padding_range():
    values = RAMP.copy()
    radiograph = read_radiograph(made_dicom(values, PixelPaddingValue=0, PixelPaddingRangeLimit=99), "x")
    assert (radiograph.pixels.ravel()[:100] == 0).all()
    assert "padding value 0: 2.4% of the pixels made black" in radiograph.notes


def test_without_a_window_the_robust_range_is_used():
    values = RAMP // 8 + 1000
    values[0, 0] = 4095  # a single burnt-in pixel must not darken everything else
    radiograph = read_radiograph(made_dicom(values), "x")
    low, high = np.percentile(values.astype(float), [0.5, 99.5], method="inverted_cdf")
    assert radiograph.notes == (f"no window: values {low:g} to {high:g} (robust range)",)
    expected = np.clip((values - low) / (high - low), 0, 1) * 255
    assert np.abs(radiograph.pixels - expected).max() <= 0.51


@pytest.mark.parametrize("elements", [{}, {"WindowCenter": 10, "WindowWidth": 20}, {"PixelPaddingValue": 7}])
def test_constant_image(elements):
    radiograph = read_radiograph(made_dicom(np.full((8, 8), 7, np.uint16), **elements), "x")
    assert (radiograph.pixels == 0).all()
    assert "constant image" in radiograph.notes


def test_a_window_that_hides_everything_is_ignored():
    radiograph = read_radiograph(made_dicom(RAMP, WindowCenter=60000, WindowWidth=10), "x")
    assert radiograph.pixels.max() == 255
    assert radiograph.notes[0] == "window center 60000 width 10 ignored: it hides the whole image"


@pytest.mark.parametrize("width", [0, -5, None])
def test_an_impossible_window_is_ignored(width):
    assert pixels_of(made_dicom(RAMP, WindowCenter=100, WindowWidth=width)).max() == 255


def test_color_becomes_luminance():
    values = np.random.default_rng(0).integers(0, 256, (16, 18, 3), dtype=np.uint8)
    radiograph = read_radiograph(made_dicom(values, bits=8), "x")
    expected = np.asarray(Image.fromarray(values).convert("L"))
    assert np.abs(radiograph.pixels.astype(int) - expected).max() <= 1
    assert radiograph.notes == ("color converted to gray",)


def test_palette_of_eight_bits_in_words():
    palette = {"PhotometricInterpretation": "PALETTE COLOR"}
    for name in ("Red", "Green", "Blue"):
        palette[f"{name}PaletteColorLookupTableDescriptor"] = [256, 0, 16]
        palette[f"{name}PaletteColorLookupTableData"] = np.arange(256, dtype=np.uint16).tobytes()
    values = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert (pixels_of(made_dicom(values, 8, **palette)) == values).all(), "by the letter it would be all black"


def test_first_frame_of_several():
    frames = np.stack([RAMP, RAMP[::-1]])
    radiograph = read_radiograph(made_dicom(frames), "x")
    assert (radiograph.pixels == pixels_of(made_dicom(RAMP))).all()
    assert radiograph.notes[0] == "first of 2 frames"


@pytest.mark.parametrize(
    "syntax",
    [
        "1.2.840.10008.1.2",  # implicit little endian
        "1.2.840.10008.1.2.1.99",  # deflated
        "1.2.840.10008.1.2.5",  # RLE
        "1.2.840.10008.1.2.4.90",  # JPEG 2000 lossless
    ],
)
def test_transfer_syntaxes(syntax):
    window = {"WindowCenter": 2048, "WindowWidth": 4096}
    data = made_dicom(RAMP, syntax=syntax, **window)
    assert (pixels_of(data) == pixels_of(made_dicom(RAMP, **window))).all()


def test_what_the_file_says_of_itself():
    data = made_dicom(RAMP, Modality="DX", ViewPosition="PA", BodyPartExamined="CHEST")
    radiograph = read_radiograph(data, "x")
    assert (radiograph.modality, radiograph.view, radiograph.body_part) == ("DX", "PA", "CHEST")
    assert radiograph.sop_instance_uid and radiograph.study_instance_uid
    assert len(radiograph.sha256) == 64


@pytest.mark.parametrize("charset", ["ISO_IR 100", "ISO_IR 192"])
def test_body_parts_that_are_written_as_no_code_may_be(charset):
    dataset = made_dataset(RAMP, SpecificCharacterSet=charset)
    dataset.add(pydicom.DataElement("BodyPartExamined", "LO", "Tórax"))  # CS may hold ASCII only
    data = saved(dataset).replace(b"\x15\0LO", b"\x15\0CS")
    assert pydicom.dcmread(io.BytesIO(data))["BodyPartExamined"].VR == "CS"
    assert read_radiograph(data, "x").body_part == "TÓRAX"


@pytest.mark.parametrize("modality", ["OT", "SC", "DR", "XR", ""])
def test_an_uncertain_modality_is_noted(modality):
    notes = read_radiograph(made_dicom(RAMP, Modality=modality), "x").notes
    assert notes[0] == f"modality {modality or 'missing'}, taken for a radiograph"


@pytest.mark.parametrize(
    "name", ["old.dcm", "OLD.IMA", "in/IM0001", "in.2/1.2.840.113619.2.55.3", "CR.1.2", "IM0001.001"]
)
def test_without_preamble(name):
    window = {"WindowCenter": 2048, "WindowWidth": 4096}
    data = made_dicom(RAMP, syntax="1.2.840.10008.1.2", **window)
    start = 144 + int.from_bytes(data[140:144], "little")
    radiograph = read_radiograph(data[start:], name)
    assert radiograph.notes[0] == "no DICOM preamble"
    assert (radiograph.pixels == pixels_of(made_dicom(RAMP, **window))).all()
