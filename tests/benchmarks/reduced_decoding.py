"""Decoding at a fraction of the size: what it would save, and how far it is from the exact pixels. Why it is not used."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterable

import numpy as np
import pydicom
from PIL import Image
from pydicom.encaps import get_frame

from chex.pixels import read_radiograph, shrunk
from tests.benchmarks.made_radiographs import FORMATS, HEIGHT, WIDTH, WINDOW, made_radiograph

SIDE = 256


def print_reduced(names: Iterable[str]) -> None:
    tried = {"jpeg": (_jpeg, (2, 4, 8)), "dicom_jpeg2000": (_jpeg_2000, (2, 4, 8))}
    tried = {name: tried[name] for name in tried if name in names}
    if not tried:
        return
    print("\ndecoding a part of the resolution only, to the stored size (not used: more than 1 grey level away)")
    print(f"{'':22}{'scale':>8}{'ms':>9}{'exact, ms':>11}{'largest difference':>20}{'pixels by more than 1':>23}")
    for name, (decode, scales) in tried.items():
        content = FORMATS[name](made_radiograph(3))
        exact, spent_exact = _timed(_exact, content)
        for scale in scales:
            found, spent = _timed(decode, content, scale)
            apart = np.abs(found.astype(int) - exact)
            print(f"{name:22}{f'1/{scale}':>8}{1000 * spent:9.1f}{1000 * spent_exact:11.1f}", end="")
            print(f"{apart.max():20d}{(apart > 1).mean():23.2%}")


def _timed(decode: Callable[..., np.ndarray], *arguments: object) -> tuple[np.ndarray, float]:
    decode(*arguments)
    began = time.thread_time()
    return decode(*arguments), time.thread_time() - began


def _exact(content: bytes) -> np.ndarray:
    return read_radiograph(content, "image", SIDE).pixels


def _jpeg(content: bytes, scale: int) -> np.ndarray:
    image = Image.open(io.BytesIO(content))
    image.draft("L", (WIDTH // scale, HEIGHT // scale))
    return _resized(image, scale, 0.0)


def _jpeg_2000(content: bytes, scale: int) -> np.ndarray:
    dataset = pydicom.dcmread(io.BytesIO(content))
    image = Image.open(io.BytesIO(get_frame(dataset.PixelData, 0, number_of_frames=1)))
    image.reduce = scale.bit_length() - 1
    values = np.asarray(image) / 2.0 ** (16 - dataset.BitsStored)  # Pillow shifts the samples to the upper end
    center, width = WINDOW["WindowCenter"] - 0.5, WINDOW["WindowWidth"] - 1
    shown = np.rint(255 * np.clip((values - center) / width + 0.5, 0, 1)).astype(np.uint8)
    # a wavelet keeps every second sample: these lie half a pixel of the whole picture beside the middle of two
    return _resized(Image.fromarray(np.pad(shown, 1, mode="edge")), scale, 1.5 - 0.5 / scale)


def _resized(image: Image.Image, scale: int, start: float) -> np.ndarray:
    height, width = shrunk(HEIGHT, WIDTH, SIDE)
    box = (start, start, start + WIDTH / scale, start + HEIGHT / scale)
    return np.asarray(image.resize((width, height), Image.Resampling.BILINEAR, box=box, reducing_gap=3.0))
