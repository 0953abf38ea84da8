"""Elements that are empty, contradict each other or hold something else: ignored with a note, or refused by name."""

from __future__ import annotations

import numpy as np
import pytest

from chex.pixels import read_radiograph
from tests.chex.pixels.made import RAMP, refusal, saved, sequence_item
from tests.made_dicom import made_dataset, made_dicom

WINDOW = {"WindowCenter": 2048, "WindowWidth": 1000}
WINDOW_NOTE = "window center 2048 width 1000"
WITHOUT = "no window: values 20 to 4075 (robust range)"
SHORT = sequence_item(LUTDescriptor=[4096, 0, 16], LUTData=b"\0\1" * 100)
FLAT = sequence_item(LUTDescriptor=[100, 0, 16], LUTData=b"\0\1" * 100)


@pytest.mark.parametrize(
    ("elements", "notes"),
    [
        ({"WindowCenter": "", "WindowWidth": ""}, (WITHOUT,)),
        ({"WindowCenter": 100}, (WITHOUT,)),
        ({"WindowCenter": [2048, 3], "WindowWidth": 1000}, (f"{WINDOW_NOTE} (1 of 2)",)),
        (
            {"WindowCenter": [2000, 1000], "WindowWidth": [0, 500]},
            ("window center 2000 width 0 ignored: no LINEAR window", "window center 1000 width 500 (2 of 2)"),
        ),
        ({**WINDOW, "VOILUTFunction": "BANANA"}, ("unknown VOI LUT Function, taken for LINEAR", WINDOW_NOTE)),
        (
            {**WINDOW, "RescaleSlope": 0, "RescaleIntercept": 3},
            ("rescale ignored: slope 0, intercept 3", WINDOW_NOTE),
        ),
        (
            {**WINDOW, "RescaleSlope": "", "RescaleIntercept": ""},
            ("rescale ignored: slope missing, intercept 0", WINDOW_NOTE),
        ),
        (
            {**WINDOW, "RescaleSlope": "1e300", "RescaleIntercept": 0},
            ("rescale ignored: slope 1e+300, intercept 0", WINDOW_NOTE),
        ),
        (
            {**WINDOW, "VOILUTSequence": SHORT},
            ("VOI LUT ignored: its descriptor announces 4096 entries, its data hold 100", WINDOW_NOTE),
        ),
        ({**WINDOW, "VOILUTSequence": FLAT}, ("VOI LUT ignored: it hides the whole image", WINDOW_NOTE)),
        (
            {**WINDOW, "ModalityLUTSequence": SHORT},
            ("modality LUT ignored: its descriptor announces 4096 entries, its data hold 100", WINDOW_NOTE),
        ),
        ({**WINDOW, "VOILUTSequence": []}, (WINDOW_NOTE,)),
        (
            {**WINDOW, "PixelPaddingValue": 0, "PixelPaddingRangeLimit": 4095},
            ("padding value ignored: it hides the whole image", WINDOW_NOTE),
        ),
        ({**WINDOW, "NumberOfFrames": 0}, (WINDOW_NOTE,)),
        ({**WINDOW, "NumberOfFrames": None}, (WINDOW_NOTE,)),
        ({**WINDOW, "HighBit": 3}, (WINDOW_NOTE,)),
        ({**WINDOW, "HighBit": 40}, (WINDOW_NOTE,)),
        ({**WINDOW, "PhotometricInterpretation": "monochrome2"}, (WINDOW_NOTE,)),
        (
            {**WINDOW, "PhotometricInterpretation": "RGB"},
            ("RGB with one sample per pixel, taken for MONOCHROME2", WINDOW_NOTE),
        ),
        ({"SamplesPerPixel": None, **WINDOW}, (WINDOW_NOTE,)),
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore:Invalid value for VR")
def test_what_can_be_done_without(elements, notes):
    radiograph = read_radiograph(made_dicom(RAMP, **elements), "x")
    assert radiograph.notes == notes
    assert (radiograph.pixels.min(), radiograph.pixels.max()) == (0, 255)


@pytest.mark.parametrize("kind", [b"US", b"FD", b"LO", b"AT", b"SS", b"OB"])
def test_a_window_of_another_type(kind):
    data = made_dicom(RAMP, **WINDOW).replace(b"\x28\x00\x50\x10DS", b"\x28\x00\x50\x10" + kind)
    if kind != b"OB":  # its length is written otherwise, and swallows the rest
        assert read_radiograph(data, "x").pixels.max() == 255
    else:
        assert "truncated" in refusal(data)


@pytest.mark.parametrize(
    ("elements", "reason"),
    [
        ({"NumberOfFrames": 9}, "pixel data is truncated: expected 73728 bytes, found 8192"),
        ({"PixelData": b""}, "the pixel data is empty"),
        ({"BitsStored": 0}, "BitsStored 0 does not fit BitsAllocated 16"),
        ({"BitsStored": 17}, "BitsStored 17 does not fit BitsAllocated 16"),
        ({"BitsAllocated": 12}, "BitsAllocated 12 is not supported (expected 8 or 16)"),
        ({"Rows": 0}, "declares 0 x 64 pixels"),
        ({"Rows": None}, "the elements Rows hold no number"),
        ({"PhotometricInterpretation": "HSV"}, "PhotometricInterpretation HSV is not supported (expected MONOCHROME1,"),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, "No suitable Palette Color Lookup Table Module found"),
        ({"SamplesPerPixel": 0}, "Samples per Pixel"),
        ({"PixelRepresentation": 7}, "Pixel Representation"),
    ],
    ids=str,
)
def test_what_cannot_be_done_without(elements, reason):
    assert reason in refusal(made_dicom(RAMP, **elements))


@pytest.mark.parametrize(
    ("syntax", "name"),
    [
        ("1.2.840.10008.1.2.4.102", "MPEG-4 AVC/H.264 High Profile / Level 4.1"),
        ("1.2.840.10008.1.2.3", "1.2.840.10008.1.2.3"),
        ("1.2.840.10008.1.1", "Verification SOP Class"),
    ],
)
def test_a_syntax_that_nobody_reads(syntax, name):
    written = b"1.2.840.10008.1.2.1\0"
    data = made_dicom(RAMP).replace(
        b"\x02\x00\x10\x00UI" + len(written).to_bytes(2, "little") + written,
        b"\x02\x00\x10\x00UI"
        + (len(syntax) + len(syntax) % 2).to_bytes(2, "little")
        + syntax.encode()
        + b"\0" * (len(syntax) % 2),
    )
    assert f"transfer syntax {name} is not supported" in refusal(data)


def test_without_a_syntax_it_is_what_it_was_read_as():
    data = made_dicom(RAMP, **WINDOW)
    start, length = 144, int.from_bytes(data[140:144], "little")
    radiograph = read_radiograph(data[:132] + data[start + length :], "x")
    assert (radiograph.pixels == read_radiograph(data, "x").pixels).all()


def test_signed_padding_written_as_unsigned():
    values = RAMP.astype(np.int16) - 2048
    values[:, :20] = -32768
    dataset = made_dataset(values, 16, PixelPaddingValue=32768)
    dataset["PixelPaddingValue"].VR = "US"
    radiograph = read_radiograph(saved(dataset), "x")
    assert radiograph.notes[0] == "padding value 32768: 31.2% of the pixels made black"
    assert (radiograph.pixels[:, :20] == 0).all()


def test_a_window_has_no_meaning_for_color():
    values = np.random.default_rng(0).integers(0, 256, (16, 18, 3), dtype=np.uint8)
    plain, windowed = (made_dicom(values, bits=8, **window) for window in ({}, {"WindowCenter": 5, "WindowWidth": 9}))
    assert (read_radiograph(plain, "x").pixels == read_radiograph(windowed, "x").pixels).all()
