"""Presentation states: boxes over the image as others read them."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from pydicom import Dataset, dcmread
from pydicom.uid import (
    DigitalXRayImageStorageForPresentation,
    ImplicitVRLittleEndian,
    MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
)

from chex.exports import NotExportable
from chex.exports.dicom_gsps import encode
from chex.pixels import header_alone, read_radiograph
from chex.records import SourceImage
from tests.chex.exports.outside import assert_valid, ran
from tests.chex.exports.reports import INSTANCE, STUDY, dicom_file, report, source


def encoded(**header) -> Dataset:
    return dcmread(io.BytesIO(encode(report(), source(dicom_file(**header)))))


def test_dcmtk_and_dicom3tools_find_no_fault(tmp_path):
    file = tmp_path / "gsps.dcm"
    file.write_bytes(encode(report(), source()))
    assert_valid(file)


def test_a_layer_per_finding_with_its_boxes():
    state = encoded()
    layers = [(layer.GraphicLayer, layer.GraphicLayerDescription) for layer in state.GraphicLayerSequence]
    assert layers == [
        ("FINDING 1", "1 pleural effusion 0.83"),
        ("FINDING 2", "2 right lung 0.77"),
        ("FINDING 3", "3 marked 1.00"),
    ]
    first = state.GraphicAnnotationSequence[0]
    assert first.ReferencedImageSequence[0].ReferencedSOPInstanceUID == INSTANCE and state.StudyInstanceUID == STUDY
    drawn = [graphic.GraphicData for graphic in first.GraphicObjectSequence]
    assert drawn == [[4, 33, 16, 33, 16, 54, 4, 54, 4, 33], [24, 42, 36, 42, 36, 57, 24, 57, 24, 42]]
    assert {graphic.GraphicAnnotationUnits for graphic in first.GraphicObjectSequence} == {"PIXEL"}
    assert first.TextObjectSequence[0].UnformattedTextValue == "1 pleural effusion 0.83"
    # orange as CIE L*a*b* in 16 bits: bright, a little red, very yellow
    lightness, a, b = np.array(state.GraphicLayerSequence[0].GraphicLayerRecommendedDisplayCIELabValue) / 65535
    assert lightness > 0.75 and 0.5 < a < 0.6 and b > 0.7
    assert (state.PresentationCreationDate, state.PresentationCreationTime) == ("20240305", "101830")


WINDOW = {"WindowCenter": 2048, "WindowWidth": 4096}
TWO_WINDOWS = {"WindowCenter": [1500, 600], "WindowWidth": [0, 1800]}  # the first is none
RESCALED = WINDOW | {"RescaleSlope": "2", "RescaleIntercept": "-1000"}


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("table", [False, True])
@pytest.mark.parametrize("header", [WINDOW, TWO_WINDOWS, RESCALED])
def test_dcmtk_shows_the_image_as_it_was_read(photometric, table, header, tmp_path):
    """With the state applied the gray values are those that the model and the overlay picture see."""
    kind = {"SOPClassUID": DigitalXRayImageStorageForPresentation, "PhotometricInterpretation": photometric}
    dataset = dcmread(io.BytesIO(dicom_file(syntax=ImplicitVRLittleEndian, **kind, **header)))
    dataset.PixelData = np.linspace(0, 4095, 60 * 40).astype("<u2").tobytes()
    if table:  # beside a window
        dataset.VOILUTSequence = [voi_table()]
    image, state, shown = tmp_path / "image.dcm", tmp_path / "state.dcm", tmp_path / "shown.pgm"
    dataset.save_as(image)
    read = read_radiograph(image.read_bytes(), "image.dcm").pixels
    state.write_bytes(encode(report(), SourceImage("x", 60, 40, header=header_alone(image.read_bytes()))))
    assert_valid(state)
    ran("dcmp2pgm", "dcmtk", "-p", state, image, shown)
    difference = np.asarray(Image.open(shown)).astype(int) - read
    assert np.ptp(read) > 100 and np.abs(difference).max() <= 2


def voi_table() -> Dataset:
    table = Dataset()
    table.add_new("LUTDescriptor", "US", [4096, 0, 16])
    table.add_new("LUTData", "OW", (np.arange(4096) ** 2 // 256).astype("<u2").tobytes())
    return table


def test_the_first_of_several_frames_is_drawn_on(tmp_path):
    file = tmp_path / "gsps.dcm"
    header = {"SOPClassUID": MultiFrameGrayscaleWordSecondaryCaptureImageStorage, "NumberOfFrames": 3}
    file.write_bytes(encode(report(), source(dicom_file(**header))))
    assert_valid(file)
    for annotation in dcmread(file).GraphicAnnotationSequence:
        assert annotation.ReferencedImageSequence[0].ReferencedFrameNumber == 1


def test_only_what_shows_boxes_has_a_layer_and_nothing_is_fine_too(tmp_path):
    from tests.chex.exports.reports import Report, findings, provenance

    denied = Report((findings()[2],), "No pneumothorax.", provenance())
    file = tmp_path / "gsps.dcm"
    file.write_bytes(encode(denied, source()))
    assert_valid(file)
    assert "GraphicAnnotationSequence" not in dcmread(file)


def test_colour_images_have_none():
    with pytest.raises(NotExportable, match="colour"):
        encoded(SamplesPerPixel=3, PhotometricInterpretation="RGB")
