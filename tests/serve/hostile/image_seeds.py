"""Small real files to break: what scanners and browsers send, a few kilobytes each, so that thousands are read quickly."""

from __future__ import annotations

import io
import pickle
from pathlib import Path

import imagecodecs
import numpy as np
import pydicom
from PIL import Image
from pydicom.encaps import encapsulate
from pydicom.uid import JPEG2000Lossless, JPEGBaseline8Bit, JPEGLSLossless, RLELossless

from tests.made_dicom import made_dataset, made_dicom


def radiograph(side: int = 48) -> np.ndarray:
    across = np.linspace(-1, 1, side)
    bright = 1 - np.clip(across[:, None] ** 2 + across[None] ** 2, 0, 1)
    return (bright * 4000).astype(np.uint16)


def encoded(values: np.ndarray, kind: str, **options) -> bytes:
    file = io.BytesIO()
    Image.fromarray(values).save(file, kind, **options)
    return file.getvalue()


def compressed(values: np.ndarray, bits: int, frame: bytes, syntax: str) -> bytes:
    dataset, file = made_dataset(values, bits), io.BytesIO()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.PixelData = encapsulate([frame])
    dataset["PixelData"].VR = "OB"
    dataset.save_as(file, enforce_file_format=True)
    return file.getvalue()


def made_seeds() -> list[bytes]:
    """DICOM in five transfer syntaxes, PNG of 8 and 16 bits, gray and coloured, JPEG plain and progressive."""
    values = radiograph()
    eight = (values >> 4).astype(np.uint8)
    return [
        made_dicom(values, PatientName="DOE^JANE", WindowCenter="2000", WindowWidth="4000", BodyPartExamined="CHEST"),
        made_dicom(eight, bits=8, PhotometricInterpretation="MONOCHROME1"),
        *(made_dicom(values, syntax=syntax) for syntax in (RLELossless, JPEG2000Lossless)),
        compressed(values, 12, imagecodecs.jpegls_encode(values), JPEGLSLossless),
        compressed(eight, 8, encoded(eight, "JPEG"), JPEGBaseline8Bit),
        made_dicom(np.stack([eight] * 3, axis=-1), bits=8),
        encoded(eight, "PNG"),
        encoded(values, "PNG"),
        encoded(np.stack([eight] * 3, axis=-1), "PNG"),
        encoded(eight, "JPEG"),
        encoded(eight, "JPEG", progressive=True, quality=60),
    ]


def real_seeds(folder: Path) -> list[bytes]:
    """The headers of real DICOM files around small pixels, and a real radiograph as small JPEG and PNG files."""
    seeds = []
    for name in ("chest_cr_jpeg2000_monochrome1.dcm", "chest_cr_jpeg_baseline_monochrome2.dcm"):
        dataset = pydicom.dcmread(folder / "dicom" / name)
        dataset.decompress()
        step = max(dataset.Rows, dataset.Columns) // 48
        small = np.ascontiguousarray(dataset.pixel_array[::step, ::step])
        dataset.Rows, dataset.Columns = small.shape
        dataset.PixelData = small.tobytes() + b"\0" * (small.nbytes % 2)
        file = io.BytesIO()
        dataset.save_as(file, enforce_file_format=True)
        seeds.append(file.getvalue())
    seeds += [
        (folder / "dicom" / name).read_bytes() for name in ("rtplan_no_pixels.dcm", "mr_truncated_pixel_data.dcm")
    ]
    with Image.open(folder / "images" / "chest_frontal.jpg") as picture:
        gray = np.asarray(picture.convert("L").resize((64, 64)))
    return seeds + [encoded(gray, "JPEG"), encoded(gray, "PNG")]


class _Runs:
    """Unpickling it would run a program."""

    def __init__(self, command: str):
        self._command = command

    def __reduce__(self):
        import os

        return os.system, (self._command,)


def pickled(command: str) -> bytes:
    return pickle.dumps(_Runs(command))
