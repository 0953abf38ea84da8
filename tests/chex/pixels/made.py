"""Files with known pixels, and what the decoder makes of them."""

from __future__ import annotations

import io
import pickle

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from chex.pixels import UnusableImage, read_radiograph

RAMP = np.arange(4096, dtype=np.uint16).reshape(64, 64)


def pixels_of(data: bytes) -> np.ndarray:
    return read_radiograph(data, "x.dcm").pixels


def picture(array: np.ndarray, kind: str = "PNG", **options) -> bytes:
    sink = io.BytesIO()
    Image.fromarray(array).save(sink, kind, **options)
    return sink.getvalue()


def sequence_item(**elements) -> Sequence:
    item = Dataset()
    for keyword, value in elements.items():
        setattr(item, keyword, value)
    return Sequence([item])


def saved(dataset: Dataset, strict: bool = True) -> bytes:
    sink = io.BytesIO()
    pydicom.dcmwrite(sink, dataset, enforce_file_format=strict)
    return sink.getvalue()


def refusal(data: bytes, name: str = "x.dcm") -> str:
    with pytest.raises(UnusableImage) as caught:
        read_radiograph(data, name)
    assert pickle.loads(pickle.dumps(caught.value)).reason == caught.value.reason  # Ray sends it between processes
    return str(caught.value)
