"""DICOM presentation state: boxes drawn over the image by the viewer, one layer per finding, the pixels untouched.

GSPS and not a segmentation: workstations draw its outlines and labels as they are and switch its layers, while a box as
a segment would hide what lies in it and claim a contour that nobody drew.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from chex.exports import NotExportable
from chex.exports.concepts import display_name
from chex.exports.dicom_identity import identity
from chex.exports.dicom_source import DicomSource, finished, read_source
from chex.exports.header_values import undisturbed
from chex.exports.legend import colour_of
from chex.exports.pixel_boxes import corners, outline
from chex.exports.provenance import (
    NOTICE,
)
from chex.exports.statements import shows_boxes
from chex.records import Finding, Report, SourceImage

if TYPE_CHECKING:
    from highdicom import pr
    from pydicom import Dataset

FORMAT = "dicom-gsps"
SUFFIX = ".dcm"
MEDIA_TYPE = "application/dicom"
NEEDS = frozenset({"header"})

_SERIES_NUMBER = 9102


def encode(report: Report, source: SourceImage) -> bytes:
    """A Grayscale Softcopy Presentation State with the boxes that the overlay picture draws, in its colours.

    Raises:
        NotExportable: the image is of no DICOM study, or in colour.
    """
    from highdicom import pr
    from highdicom.content import PresentationLUTTransformation

    image = read_source(source)
    if image.evidence.SamplesPerPixel != 1:
        raise NotExportable("a grayscale presentation state cannot show a colour image")
    inverse = image.evidence.PhotometricInterpretation == "MONOCHROME1"
    with undisturbed():
        layers, annotations = _drawn(report, source, image)
        state = pr.GrayscaleSoftcopyPresentationState(
            referenced_images=[image.evidence],
            **identity(report, image, FORMAT, series_number=_SERIES_NUMBER, content="boxes"),
            content_label="CHEX",
            content_description=NOTICE,
            graphic_annotations=annotations or None,
            graphic_layers=layers or None,
            # the lookup table takes the place of what the image says of itself (PS3.4 N.2.1.3)
            presentation_lut_transformation=PresentationLUTTransformation("INVERSE" if inverse else "IDENTITY"),
        )
        _shown_as_before(state, image.gray_scale)
        state.Laterality = ""  # type 2C of a series whose body part may have two sides
        state.PresentationCreationDate, state.PresentationCreationTime = image.content_date, image.time
    return finished(state, image)


def _shown_as_before(state: Dataset, image: Dataset) -> None:
    """With the state applied the gray values are the image's own: of several transformations the first usable counts.

    `chex.pixels` reads them in the same order: modality LUT, else rescale; VOI LUT, else window (PS3.3 C.11.1, C.11.2).
    """
    from pydicom import Dataset

    if image.get("ModalityLUTSequence"):
        state.ModalityLUTSequence = list(image.ModalityLUTSequence)[:1]
    elif _numbers(image, "RescaleSlope"):
        state.RescaleSlope = image.RescaleSlope
        state.RescaleIntercept = image.RescaleIntercept if _numbers(image, "RescaleIntercept") else "0"
        state.RescaleType = image.get("RescaleType") or "US"  # unspecified
    shown = Dataset()
    windows = zip(_numbers(image, "WindowCenter"), _numbers(image, "WindowWidth"), strict=False)
    if image.get("VOILUTSequence"):
        shown.VOILUTSequence = list(image.VOILUTSequence)[:1]
    elif (window := next(((center, width) for center, width in windows if width >= 1), None)) is not None:
        shown.WindowCenter, shown.WindowWidth = window
        if image.get("VOILUTFunction") in ("LINEAR", "LINEAR_EXACT", "SIGMOID"):
            shown.VOILUTFunction = image.VOILUTFunction
    if len(shown):
        state.SoftcopyVOILUTSequence = [shown]


def _numbers(image: Dataset, keyword: str) -> list:
    value = image.get(keyword)
    return [] if value is None or value == "" else list(value) if isinstance(value, Sequence) else [value]


def _drawn(report: Report, source: SourceImage, image: DicomSource) -> tuple[list, list]:
    """A layer and an annotation for each finding that has boxes to show."""
    from highdicom import pr
    from highdicom.color import CIELabColor

    layers, annotations = [], []
    shown = [finding for finding in report.findings if shows_boxes(finding)]
    for index, finding in enumerate(shown):
        if not finding.boxes:
            continue
        layer = pr.GraphicLayer(
            layer_name=f"FINDING {index + 1}",
            order=index + 1,
            description=_label(index, finding)[:64],
            display_color=CIELabColor(*_lab(colour_of(index))),
        )
        layers.append(layer)
        annotations.append(
            pr.GraphicAnnotation(
                referenced_images=[image.evidence],
                referenced_frame_number=1 if image.frames > 1 else None,
                graphic_layer=layer,
                graphic_objects=[
                    pr.GraphicObject("POLYLINE", np.array(outline(scored.box, source)), "PIXEL")
                    for scored in finding.boxes
                ],
                text_objects=[_text(index, finding, source)],
            )
        )
    return layers, annotations


def _text(index: int, finding: Finding, source: SourceImage) -> pr.TextObject:
    """The finding's name at the upper edge of its best box."""
    from highdicom import pr

    x_min, y_min, _, _ = corners(finding.boxes[0].box, source)
    return pr.TextObject(_label(index, finding), "PIXEL", anchor_point=(x_min, y_min), anchor_point_visible=False)


def _label(index: int, finding: Finding) -> str:
    return f"{index + 1} {display_name(finding)} {finding.boxes[0].score:.2f}"


@cache
def _lab(colour: tuple[int, int, int]) -> tuple[float, float, float]:
    """CIE L*a*b* (D50) of an sRGB colour, by Pillow's own conversion."""
    from PIL import Image, ImageCms

    convert = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
    lightness, a, b = ImageCms.applyTransform(Image.new("RGB", (1, 1), colour), convert).tobytes()
    return lightness / 2.55, *(value - 256 if value > 127 else value for value in (a, b))
