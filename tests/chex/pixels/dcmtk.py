"""Another reader of DICOM files, dcmtk, and its writers of compressed ones; GDCM for what dcmtk does not decode."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
from PIL import Image

from chex.pixels import read_radiograph
from tests.needed_tools import require_tool


def shown_by_dcmtk(data: bytes, folder: Path, *options: str, reader: str = "dcmj2pnm") -> np.ndarray:
    """What dcmtk shows, as floats (H, W) from 0 to 255; colour as its luminance."""
    source, target = folder / "shown.dcm", folder / "shown.png"
    source.write_bytes(data)
    _run(reader, "dcmtk", "--quiet", *options, "--write-16-bit-png", str(source), str(target))
    picture = np.asarray(Image.open(target))
    target.unlink()
    if picture.ndim == 3:  # Pillow reads them with 8 bits
        return picture @ np.array((0.299, 0.587, 0.114))
    return picture.astype(np.float64) / 257


def agree(data: bytes, folder: Path, *options: str, reader: str = "dcmj2pnm", shown: bytes | None = None) -> None:
    """Our reader and dcmtk, with these options, show the same within one gray level.

    Args:
        shown: what dcmtk reads instead of data: the same file without the compression that it does not decode.
    """
    ours = read_radiograph(data, "x.dcm").pixels
    theirs = shown_by_dcmtk(shown or data, folder, *options, reader=reader)
    assert ours.shape == theirs.shape
    assert np.ptp(theirs) > 30, "a flat picture would agree with anything"
    assert np.abs(ours - theirs).max() <= 1


def written_by_dcmtk(data: bytes, folder: Path, tool: str, *options: str) -> bytes:
    """The file as a tool of dcmtk converts it (dcmconv, dcmcrle, dcmcjpeg, dcmcjpls)."""
    return _converted(data, folder, tool, "dcmtk", *options)


def decompressed_by_gdcm(data: bytes, folder: Path) -> bytes:
    """The file with the pixels that GDCM decodes."""
    return _converted(data, folder, "gdcmconv", "libgdcm-tools", "--raw")


def _converted(data: bytes, folder: Path, tool: str, package: str, *options: str) -> bytes:
    source, target = folder / "source.dcm", folder / "target.dcm"
    source.write_bytes(data)
    _run(tool, package, *options, str(source), str(target))
    return target.read_bytes()


def _run(tool: str, package: str, *arguments: str) -> None:
    command = [require_tool(tool, package), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode:
        raise RuntimeError(f"{tool} {' '.join(arguments)} failed: {done.stdout} {done.stderr}")
