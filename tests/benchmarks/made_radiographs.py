"""Radiographs of the size that hospitals store, and the files that they come in.

A phantom is enlarged to 2,500 x 3,000 pixels; what a detector and a hospital add at that size is drawn on it: noise from
pixel to pixel, wires with hard edges and burned-in letters.
"""

from __future__ import annotations

import io
import tempfile
from functools import cache
from pathlib import Path

import imagecodecs
import numpy as np
from PIL import Image, ImageDraw, ImageFont
from pydicom.encaps import encapsulate

from tests.made_dicom import made_dataset

HEIGHT, WIDTH = 3000, 2500
WHITE = 4095
WINDOW = {"WindowCenter": 2048, "WindowWidth": 3500}  # dark air and bright metal lie outside, as in practice
_NOISE = 28.0  # standard deviation: a JPEG of quality 95 has 1.4 MB then, about as much as MIMIC-CXR-JPG's have


@cache
def made_radiograph(seed: int) -> np.ndarray:
    """(3000, 2500) uint16, 12 bit, bone bright."""
    from pipelines.phantoms.image import render

    small = Image.fromarray(render(seed, 384).pixels.astype(np.float32))
    values = np.array(small.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC))
    values += _NOISE * np.random.default_rng(seed).standard_normal(values.shape, dtype=np.float32)
    image = Image.fromarray(np.clip(values, 0, WHITE))
    draw = ImageDraw.Draw(image)
    for wire in range(4):
        x = 400 + 430 * wire
        draw.line([(x, 300), (x + 250, 1500), (x + 100, 2700)], fill=3300.0 + 200 * wire, width=2 * wire + 1)
    draw.text((200, 150), "L  PORTABLE 07:45", fill=float(WHITE), font=ImageFont.load_default(90))
    return np.asarray(image).round().astype(np.uint16)


def _jpeg(values: np.ndarray) -> bytes:
    sink = io.BytesIO()
    Image.fromarray((values >> 4).astype(np.uint8)).save(sink, "JPEG", quality=95)
    return sink.getvalue()


def _dicom(values: np.ndarray, bits: int, syntax: str = "", frame: bytes = b"") -> bytes:
    window = {name: value * 2.0 ** (bits - 12) for name, value in WINDOW.items()}
    dataset = made_dataset(values, bits, Modality="DX", ViewPosition="PA", BodyPartExamined="CHEST", **window)
    if frame:
        dataset.PixelData = encapsulate([frame + b"\0" * (len(frame) % 2)])
        dataset["PixelData"].VR = "OB"
        dataset["PixelData"].is_undefined_length = True
        dataset.file_meta.TransferSyntaxUID = f"1.2.840.10008.1.2.4.{syntax}"
    sink = io.BytesIO()
    dataset.save_as(sink, enforce_file_format=True)
    return sink.getvalue()


def _jpeg_2000(values: np.ndarray) -> bytes:
    frame = imagecodecs.jpeg2k_encode(values, codecformat="j2k", level=0, reversible=True, bitspersample=12)
    return _dicom(values, 12, "90", frame)


FORMATS = {
    "jpeg": _jpeg,
    "dicom_jpeg2000": _jpeg_2000,
    "dicom_12_bit": lambda values: _dicom(values, 12),
    "dicom_16_bit": lambda values: _dicom(values << 4 | values >> 8, 16),
    "dicom_jpeg_baseline": lambda values: _dicom(
        (values >> 4).astype(np.uint8), 8, "50", imagecodecs.jpeg8_encode((values >> 4).astype(np.uint8), level=95)
    ),
    "dicom_jpeg_lossless": lambda values: _dicom(values, 12, "70", imagecodecs.ljpeg_encode(values, bitspersample=12)),
}


def write_dataset(root: Path, files: list[bytes], images: int, suffix: str) -> None:
    """`images` images in the layout of MIMIC-CXR, each of them one of `files` under another name."""
    root.mkdir(parents=True)
    with tempfile.TemporaryDirectory(dir=root) as folder:
        for place, content in enumerate(files):
            (Path(folder) / str(place)).write_bytes(content)
        tables = {
            "metadata": ["dicom_id,subject_id,study_id,ViewPosition"],
            "split": ["dicom_id,subject_id,study_id,split"],
        }
        tables["chexpert"] = [",".join(("subject_id", "study_id", *_chexpert_labels()))]
        for place in range(images):
            patient, study = 10_000_000 + place, 50_000_000 + place
            image = root / f"files/p{str(patient)[:2]}/p{patient}/s{study}/image-{place}{suffix}"
            image.parent.mkdir(parents=True)
            image.hardlink_to(Path(folder) / str(place % len(files)))
            tables["metadata"].append(f"image-{place},{patient},{study},PA")
            tables["split"].append(f"image-{place},{patient},{study},train")
            tables["chexpert"].append(f"{patient},{study},1.0" + "," * (len(_chexpert_labels()) - 1))
    for name, lines in tables.items():
        (root / f"mimic-cxr-2.0.0-{name}.csv").write_text("\n".join(lines) + "\n")


def _chexpert_labels() -> list[str]:
    from chex.vocabulary import load

    return [label.partition("/")[2] for label in load().labels_of("chexpert")]
