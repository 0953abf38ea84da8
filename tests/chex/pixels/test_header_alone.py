"""A DICOM header without its pixels."""

from __future__ import annotations

import io

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian

from chex.pixels import UnusableImage, header_alone, read_radiograph
from tests.chex.exports.reports import dicom_file
from tests.serve.hostile.mutations import mutated


def read(header):
    return pydicom.dcmread(io.BytesIO(header))


def test_everything_but_the_pixels_is_kept():
    data = dicom_file(300, 400)
    header = header_alone(data)
    whole, alone = read(data), read(header)
    del whole.PixelData
    assert alone == whole and len(header) < 2000


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian])
def test_whatever_the_file_is_written_in(syntax):
    alone = read(header_alone(dicom_file(syntax=syntax)))
    assert alone.PatientID == "PID-1234" and alone.Rows == 60 and "PixelData" not in alone


def test_bulk_goes_and_lookup_tables_stay():
    dataset, file = read(dicom_file()), io.BytesIO()
    dataset.add_new(0x60000010, "US", 60)
    dataset.add_new(0x60003000, "OW", bytes(1000))
    dataset.add_new(0x00091001, "OB", bytes(300_000))
    dataset.IconImageSequence = [pydicom.Dataset()]
    table = pydicom.Dataset()
    table.LUTDescriptor = [4096, 0, 16]
    table.LUTData = np.arange(4096, dtype="<u2").tobytes()
    table["LUTData"].VR = "OW"
    table["LUTDescriptor"].VR = "US"
    dataset.VOILUTSequence = [table]
    dataset.save_as(file)
    alone = read(header_alone(file.getvalue()))
    assert not {0x60000010, 0x60003000, 0x00091001, 0x00880200} & set(alone.keys())
    assert alone.VOILUTSequence[0].LUTData == table.LUTData


def test_real_files_and_a_file_without_preamble(shared):
    for path in sorted((shared / "data" / "real" / "dicom").glob("chest*.dcm")):
        data = path.read_bytes()
        assert read(header_alone(data)).StudyInstanceUID == read(data).StudyInstanceUID
    data = dicom_file()
    assert pydicom.dcmread(io.BytesIO(header_alone(data[132:])), force=True).PatientID == "PID-1234"


def test_pictures_have_none():
    file = io.BytesIO()
    Image.new("L", (4, 4)).save(file, "PNG")
    assert header_alone(file.getvalue()) is None


def test_what_no_data_set_may_hold_and_what_cannot_be_written_is_left_out():
    broken = bytearray(dicom_file())
    place = broken.index(b"PID-1234") - 8  # tag, type and length of the patient's number come before it
    broken[place : place + 4] = bytes(4)  # now (0000,0000), of the group that only messages have
    header = header_alone(bytes(broken))
    assert b"PID-1234" not in header and read(header).Rows == 60


def test_mutated_files_that_can_be_shown_have_a_header():
    shown = 0
    for data in mutated([dicom_file(), dicom_file(syntax=ImplicitVRLittleEndian)], 300, seed=1):
        try:
            read_radiograph(data, "mutated")
        except UnusableImage:
            continue
        header = header_alone(data)
        shown += 1
        assert header is None or read(header) is not None
    assert shown > 30
