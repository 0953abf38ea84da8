"""DICOM files of 8 bits without a window: made for a screen, unless something has changed their values."""

from __future__ import annotations

import numpy as np
import pytest

from chex.pixels import read_radiograph
from tests.chex.pixels.made import pixels_of, sequence_item
from tests.made_dicom import made_dicom


def test_eight_bits_stay_as_they_are():
    values = np.arange(256, dtype=np.uint8).reshape(16, 16) // 2
    assert (pixels_of(made_dicom(values, bits=8)) == values).all()


@pytest.mark.parametrize("slope", [1 / 255, 0.25, 0.5, 4])
def test_eight_bits_that_are_rescaled_get_the_range_of_what_becomes_of_them(slope):
    values = np.arange(256, dtype=np.uint8).reshape(16, 16) // 2 * 2
    radiograph = read_radiograph(made_dicom(values, bits=8, RescaleSlope=f"{slope:.8f}", RescaleIntercept=0), "x")
    assert np.abs(radiograph.pixels - values.astype(int)).max() <= 3
    assert "robust range" in radiograph.notes[-1]


def test_eight_bits_through_a_modality_table():
    values = np.arange(256, dtype=np.uint8).reshape(16, 16)
    table = (np.arange(256, dtype=np.uint16) // 8).tobytes()
    sequence = sequence_item(LUTDescriptor=[256, 0, 16], LUTData=table, ModalityLUTType="US")
    pixels = pixels_of(made_dicom(values, bits=8, ModalityLUTSequence=sequence))
    assert np.abs(pixels - values.astype(int)).max() <= 8


def test_eight_bits_rescaled_to_themselves_stay_as_they_are():
    values = np.arange(256, dtype=np.uint8).reshape(16, 16) // 2
    assert (pixels_of(made_dicom(values, bits=8, RescaleSlope=1, RescaleIntercept=0)) == values).all()


def test_signed_values_of_eight_bits():
    values = np.arange(128, dtype=np.int8).reshape(8, 16)
    pixels = pixels_of(made_dicom(values, bits=8))
    assert (pixels.min(), pixels.max()) == (0, 255), "they reach no further than 127"
