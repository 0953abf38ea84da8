"""The same files shown by dcmtk: within one gray level wherever both do as the standard says.

Where they differ, and why, is told by the tests at the end.
"""

from __future__ import annotations

import numpy as np
import pytest

from chex.pixels import read_radiograph
from tests.chex.pixels.dcmtk import agree, shown_by_dcmtk
from tests.chex.pixels.made import RAMP, saved, sequence_item
from tests.made_dicom import made_dataset, made_dicom

SIGNED = RAMP.astype(np.int16) - 2048
ROOT = (np.sqrt(np.arange(4096) / 4095) * 65535).astype(np.uint16)
FALLING = np.arange(4095, -1, -1, dtype=np.uint16)
WINDOW = {"WindowCenter": 2048, "WindowWidth": 1000}
LEVEL = {"WindowCenter": 0, "WindowWidth": 3000}
FIRST_WINDOW, FIRST_TABLE = ("--use-window", "1"), ("--use-voi-lut", "1")


def table(entries: np.ndarray, first: int = 0, bits: int = 16):
    item = sequence_item(LUTDescriptor=[len(entries) % 65536, first, bits], LUTData=entries.tobytes())
    item[0]["LUTDescriptor"].VR = "SS" if first < 0 else "US"
    return item


@pytest.mark.parametrize(
    ("values", "bits", "elements"),
    [
        pytest.param(RAMP, 12, WINDOW, id="window"),
        pytest.param(RAMP, 12, {**WINDOW, "VOILUTFunction": "SIGMOID"}, id="sigmoid"),
        pytest.param(RAMP, 12, {"WindowCenter": 2048, "WindowWidth": 1}, id="width 1"),
        pytest.param(RAMP, 12, {"WindowCenter": 2048.5, "WindowWidth": 1}, id="width 1 at a value"),
        pytest.param(RAMP, 12, {"WindowCenter": [2048, 100], "WindowWidth": [1000, 50]}, id="several windows"),
        pytest.param(RAMP, 12, {**WINDOW, "PhotometricInterpretation": "MONOCHROME1"}, id="MONOCHROME1"),
        pytest.param(
            RAMP,
            12,
            {**WINDOW, "PhotometricInterpretation": "MONOCHROME1", "PresentationLUTShape": "INVERSE"},
            id="MONOCHROME1 and INVERSE",
        ),
        pytest.param(SIGNED, 16, LEVEL, id="signed"),
        pytest.param(SIGNED, 12, LEVEL, id="signed 12 bits"),
        pytest.param((SIGNED >> 4).astype(np.int8), 8, {"WindowCenter": 0, "WindowWidth": 200}, id="signed 8 bits"),
        pytest.param(RAMP, 12, {"RescaleSlope": 3, "RescaleIntercept": -1000, **WINDOW}, id="rescale"),
        pytest.param(RAMP, 12, {"RescaleSlope": -1, "RescaleIntercept": 4095, **WINDOW}, id="falling rescale"),
        pytest.param(
            RAMP, 12, {"ModalityLUTSequence": table(FALLING, bits=12), **WINDOW}, id="modality LUT and a window"
        ),
        pytest.param((RAMP << 4) | 7, 12, {"HighBit": 15, **WINDOW}, id="high bit 15"),
        pytest.param((RAMP << 2) | 0xC001, 12, {"HighBit": 13, **WINDOW}, id="high bit 13"),
        pytest.param((SIGNED << 4) | 7, 12, {"HighBit": 15, **LEVEL}, id="signed, high bit 15"),
        pytest.param(RAMP | 0x9000, 12, WINDOW, id="overlays above the high bit"),
        pytest.param((RAMP >> 6).astype(np.uint8) | 0xC0, 6, {"WindowCenter": 32, "WindowWidth": 40}, id="6 of 8 bits"),
    ],
)
def test_windows(values, bits, elements, tmp_path):
    agree(made_dicom(values, bits, **elements), tmp_path, *FIRST_WINDOW)


@pytest.mark.parametrize("bits", [9, 10, 11, 13, 14, 15, 16])
def test_bit_depths(bits, tmp_path):
    values = (RAMP.astype(np.int64) * 2**bits // 4096).astype(np.uint16)
    agree(made_dicom(values, bits, WindowCenter=2 ** (bits - 1), WindowWidth=2**bits * 0.6), tmp_path, *FIRST_WINDOW)


def test_eight_bits_without_a_window(tmp_path):
    agree(made_dicom((RAMP >> 4).astype(np.uint8), 8), tmp_path)
    agree(made_dicom(RAMP >> 4, 8), tmp_path)


@pytest.mark.parametrize(
    ("values", "entries", "first", "bits", "elements"),
    [
        pytest.param(RAMP, ROOT, 0, 16, {}, id="16 bits"),
        pytest.param(RAMP, ROOT >> 4, 0, 12, {}, id="12 bits"),
        pytest.param(RAMP, ROOT >> 8, 0, 8, {}, id="8 bits in words"),
        pytest.param(RAMP, (ROOT >> 8).astype(np.uint8), 0, 8, {}, id="8 bits, two in a word"),
        pytest.param(RAMP, ROOT[1000:2001] >> 6, 700, 10, {}, id="shorter than the range"),
        pytest.param(RAMP, np.linspace(0, 60000, 4096).astype(np.uint16), 0, 16, {}, id="never quite white"),
        pytest.param(SIGNED, ROOT, -2048, 16, {}, id="signed"),
        pytest.param(SIGNED, ROOT, 65536 - 2048, 16, {}, id="signed, written as unsigned"),
        pytest.param(
            RAMP, ROOT, -1024, 16, {"RescaleSlope": 1, "RescaleIntercept": -1024}, id="negative after rescale"
        ),
        pytest.param(RAMP, ROOT, 0, 16, {"ModalityLUTSequence": table(FALLING, bits=12)}, id="after a modality LUT"),
        pytest.param(RAMP << 4, (np.arange(65536) ** 2 >> 16).astype(np.uint16), 0, 16, {}, id="65,536 entries"),
    ],
)
def test_voi_tables(values, entries, first, bits, elements, tmp_path):
    depth = 16 if values.max() > 4095 else 12
    agree(made_dicom(values, depth, VOILUTSequence=table(entries, first, bits), **elements), tmp_path, *FIRST_TABLE)


def test_voi_table_in_big_endian(tmp_path):
    dataset = made_dataset(SIGNED, VOILUTSequence=table(ROOT.byteswap(), -2048))
    dataset.PixelData = SIGNED.byteswap().tobytes()
    dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.2"
    agree(saved(dataset), tmp_path, *FIRST_TABLE)


def test_linear_exact_which_dcmtk_does_not_know(tmp_path):
    data = made_dicom(RAMP, VOILUTFunction="LINEAR_EXACT", WindowCenter=2048, WindowWidth=50)
    # by PS3.3 C.11.2.1.3.2 the same as a linear window half a value higher and one value wider
    agree(data, tmp_path, "--linear-function", "--set-window", "2048.5", "51")


def test_padding_which_dcmtk_shows(tmp_path):
    data = made_dicom(RAMP, PixelPaddingValue=0, PixelPaddingRangeLimit=1700, **WINDOW)
    ours, theirs = read_radiograph(data, "x.dcm").pixels, shown_by_dcmtk(data, tmp_path, *FIRST_WINDOW)
    padding = RAMP <= 1700
    assert np.abs(ours - theirs)[~padding].max() <= 1
    assert ours[padding].max() == 0 < theirs[padding].max()


@pytest.mark.parametrize(("photometric", "shape"), [("MONOCHROME1", "IDENTITY"), ("MONOCHROME2", "INVERSE")])
def test_contradicting_presentation_shape_which_dcmtk_follows(photometric, shape, tmp_path):
    # the standard forbids the pair; scanners are known to get the shape wrong, so the photometric interpretation decides
    data = made_dicom(RAMP, PhotometricInterpretation=photometric, PresentationLUTShape=shape, **WINDOW)
    radiograph = read_radiograph(data, "x.dcm")
    assert radiograph.notes[-1] == f"Presentation LUT Shape {shape} contradicts {photometric}: ignored"
    assert np.abs(255 - radiograph.pixels - shown_by_dcmtk(data, tmp_path, *FIRST_WINDOW)).max() <= 1


def test_tables_that_declare_the_wrong_depth(tmp_path):
    for bits, entries in ((16, ROOT >> 4), (8, ROOT >> 4)):
        data = made_dicom(RAMP, VOILUTSequence=table(entries, bits=bits))
        agree(data, tmp_path, *FIRST_TABLE, "--ignore-vlut-depth")
