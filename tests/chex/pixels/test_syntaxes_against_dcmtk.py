"""Every way of storing the values, written and read by dcmtk; JPEG 2000, which it does not know, decoded by GDCM."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest

from tests.chex.pixels.dcmtk import agree, decompressed_by_gdcm, written_by_dcmtk
from tests.chex.pixels.made import saved
from tests.made_dicom import made_dataset, made_dicom

WIDE = {"WindowCenter": 2048, "WindowWidth": 4096}
FIRST_WINDOW = ("--use-window", "1")

ROWS, COLUMNS = np.mgrid[0:96, 0:80]
SMOOTH = (1000 * (np.sin(ROWS / 17) + np.cos(COLUMNS / 11)) + 2048 + (ROWS * 7 + COLUMNS * 13) % 60).astype(np.uint16)
COLORS = np.stack(
    [100 + 60 * np.sin(ROWS / 13), 120 + 50 * np.sin(ROWS / 9 + 1), 90 + 40 * np.cos(COLUMNS / 19)], -1
).astype(np.uint8)


MONOCHROME = {
    "12 bits": made_dicom(SMOOTH, **WIDE),
    "12 bits signed": made_dicom(SMOOTH.astype(np.int16) - 2048, WindowCenter=0, WindowWidth=4096),
    "16 bits": made_dicom(SMOOTH << 4, 16, WindowCenter=32768, WindowWidth=65536),
    "8 bits": made_dicom((SMOOTH >> 4).astype(np.uint8), 8, WindowCenter=128, WindowWidth=256),
    "high bit 15": made_dicom(SMOOTH << 4, 12, HighBit=15, **WIDE),
    "3 frames": made_dicom(np.stack([SMOOTH, SMOOTH[::-1], SMOOTH // 2]), **WIDE),
}


@pytest.mark.parametrize("stored", MONOCHROME)
@pytest.mark.parametrize(
    ("tool", "options", "syntax"),
    [
        pytest.param("dcmconv", ["--write-xfer-implicit"], "2", id="implicit"),
        pytest.param("dcmconv", ["--write-xfer-big"], "2.2", id="big endian"),
        pytest.param("dcmconv", ["--write-xfer-deflated"], "2.1.99", id="deflated"),
        pytest.param("dcmcrle", [], "2.5", id="RLE"),
        pytest.param("dcmcjpeg", ["--encode-baseline", "--quality", "95"], "2.4.50", id="JPEG baseline"),
        pytest.param("dcmcjpeg", ["--encode-extended", "--quality", "95"], "2.4.51", id="JPEG extended"),
        pytest.param("dcmcjpeg", ["--encode-lossless"], "2.4.57", id="JPEG lossless"),
        pytest.param("dcmcjpeg", ["--encode-lossless-sv1"], "2.4.70", id="JPEG lossless SV1"),
        pytest.param("dcmcjpls", ["--encode-lossless"], "2.4.80", id="JPEG-LS"),
        pytest.param("dcmcjpls", ["--encode-nearlossless", "--max-deviation", "2"], "2.4.81", id="JPEG-LS near"),
    ],
)
def test_syntaxes(tool, options, syntax, stored, tmp_path):
    if syntax == "2.4.81" and "signed" in stored:
        return  # dcmtk does not write signed values near-lossless
    data = written_by_dcmtk(MONOCHROME[stored], tmp_path, tool, *options)
    file = tmp_path / "target.dcm"
    assert pydicom.dcmread(file, stop_before_pixels=True).file_meta.TransferSyntaxUID == f"1.2.840.10008.1.{syntax}"
    agree(data, tmp_path, *FIRST_WINDOW, reader="dcml2pnm" if tool == "dcmcjpls" else "dcmj2pnm")


def stored_as_ybr() -> np.ndarray:
    matrix = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])
    return np.rint(COLORS @ matrix.T + [0, 128, 128]).clip(0, 255).astype(np.uint8)


def color_file(kind: str) -> bytes:
    values = COLORS if kind in ("RGB", "RGB by plane") else stored_as_ybr()
    dataset = made_dataset(values, 8, PhotometricInterpretation=kind.split()[0])
    if kind == "RGB by plane":
        dataset.PlanarConfiguration = 1
        dataset.PixelData = values.transpose(2, 0, 1).tobytes()
    if kind == "YBR_FULL_422":
        pairs = np.stack([values[:, 0::2, 0], values[:, 1::2, 0], values[:, 0::2, 1], values[:, 0::2, 2]], -1)
        dataset.PixelData = pairs.tobytes()
    return saved(dataset)


@pytest.mark.parametrize("kind", ["RGB", "RGB by plane", "YBR_FULL", "YBR_FULL_422"])
def test_color(kind, tmp_path):
    agree(color_file(kind), tmp_path)


@pytest.mark.parametrize("kind", ["RGB", "YBR_FULL"])
@pytest.mark.parametrize(
    ("tool", "options"),
    [
        ("dcmcrle", []),
        ("dcmcjpeg", ["--encode-baseline"]),
        ("dcmcjpeg", ["--encode-baseline", "--color-rgb"]),
        ("dcmcjpeg", ["--encode-baseline", "--nonstd-444"]),
        ("dcmcjpeg", ["--encode-lossless-sv1"]),
        ("dcmcjpls", ["--interleave-line"]),
        ("dcmcjpls", ["--interleave-sample"]),
        ("dcmcjpls", ["--interleave-none"]),
    ],
)
def test_compressed_color(tool, options, kind, tmp_path):
    data = written_by_dcmtk(color_file(kind), tmp_path, tool, *options)
    agree(data, tmp_path, reader="dcml2pnm" if tool == "dcmcjpls" else "dcmj2pnm")


@pytest.mark.parametrize("bits", [8, 16])
def test_palette(bits, tmp_path):
    every, elements = np.arange(256), {}
    for name, shades in (("Red", every), ("Green", 255 - every // 3), ("Blue", every // 2)):
        elements[f"{name}PaletteColorLookupTableDescriptor"] = [256, 0, bits]
        stored = (shades * 257).astype(np.uint16) if bits == 16 else shades.astype(np.uint8)
        elements[f"{name}PaletteColorLookupTableData"] = stored.tobytes()
    values = np.arange(256, dtype=np.uint8).reshape(16, 16)
    agree(made_dicom(values, 8, PhotometricInterpretation="PALETTE COLOR", **elements), tmp_path)


def test_real_files(shared, tmp_path):
    folder = shared / "data" / "real" / "dicom"
    agree((folder / "chest_cr_jpeg_baseline_monochrome2.dcm").read_bytes(), tmp_path)
    for name in ("chest", "extremity"):
        data = (folder / f"{name}_cr_jpeg2000_monochrome1.dcm").read_bytes()
        agree(data, tmp_path, *FIRST_WINDOW, shown=decompressed_by_gdcm(data, tmp_path))
