"""DICOM files to radiographs."""

from __future__ import annotations

import warnings
from contextlib import contextmanager

import numpy as np

from chex.pixels import Radiograph, UnusableImage
from chex.pixels.color import luminance, palette_brightness
from chex.pixels.frame import MONOCHROME, PALETTE, first_frame, photometric_interpretation
from chex.pixels.grayscale import to_bytes
from chex.pixels.header import text, texts
from chex.pixels.inflation import GuardedFile
from chex.pixels.presentation import brightness
from chex.pixels.refusals import RADIOGRAPHS, refuse_unusable, why_no_pixels
from chex.pixels.view import view_of


def has_marker(data: bytes) -> bool:
    return data[128:132] == b"DICM"


def read(data: bytes, sha256: str) -> Radiograph:
    """Decode the first frame of a DICOM file.

    Raises:
        UnusableImage: no radiograph, no pixels, truncated, or too large.
    """
    import pydicom

    with silenced():
        try:
            dataset = pydicom.dcmread(GuardedFile(data))
        except UnusableImage:
            raise
        except Exception as error:  # a header cut in the middle fails in every way there is
            raise UnusableImage("decode", "the DICOM header is truncated or broken") from error
        if "PixelData" not in dataset:
            raise UnusableImage("decode", why_no_pixels(data))
        return _radiograph(dataset, sha256, [])


def read_without_marker(data: bytes, sha256: str) -> Radiograph:
    """Decode a file that is called a DICOM file but lacks the preamble, as old scanners write them."""
    import pydicom

    with silenced():
        try:
            dataset = pydicom.dcmread(GuardedFile(data), force=True)
            known = str(dataset.get("SOPClassUID", "")).startswith("1.2.840.10008.5.1.4.")
        except UnusableImage:
            raise
        except Exception as error:  # arbitrary bytes read as DICOM fail in every way there is
            raise UnusableImage("read", f"not a DICOM file: it starts with {data[:8]!r}") from error
        if not known:
            raise UnusableImage("read", f"not a DICOM file: it starts with {data[:8]!r}")
        if "PixelData" not in dataset:
            raise UnusableImage("decode", f"no pixel data ({dataset.SOPClassUID.name})")
        return _radiograph(dataset, sha256, ["no DICOM preamble"])


@contextmanager
def silenced():
    # pydicom's warnings quote element values, and these may name a patient
    import pydicom

    with pydicom.config.disable_value_validation(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _radiograph(dataset, sha256: str, notes: list[str]) -> Radiograph:
    _complete_syntax(dataset)
    refuse_unusable(dataset)
    modality = text(dataset, "Modality")
    if modality not in RADIOGRAPHS:
        notes.append(f"modality {modality or 'missing'}, taken for a radiograph")
    return Radiograph(
        pixels=_pixels(dataset, notes),
        notes=tuple(notes),
        view=view_of(dataset),
        modality=modality,
        body_part=text(dataset, "BodyPartExamined"),
        sop_instance_uid=text(dataset, "SOPInstanceUID"),
        study_instance_uid=text(dataset, "StudyInstanceUID"),
        orientation=texts(dataset, "PatientOrientation"),
        for_processing=_is_for_processing(dataset),
        sha256=sha256,
    )


def _is_for_processing(dataset) -> bool:
    from pydicom.uid import DigitalXRayImageStorageForProcessing

    sop_class, intent = text(dataset, "SOPClassUID"), text(dataset, "PresentationIntentType")
    return sop_class == DigitalXRayImageStorageForProcessing or intent == "FOR PROCESSING"


def _complete_syntax(dataset) -> None:
    """Where the file does not say how it is written, it is what it was read as."""
    from pydicom import uid

    if not dataset.file_meta.get("TransferSyntaxUID"):
        implicit, little = dataset.original_encoding
        syntax = uid.ImplicitVRLittleEndian if implicit else uid.ExplicitVRLittleEndian
        dataset.file_meta.TransferSyntaxUID = syntax if little else uid.ExplicitVRBigEndian


def _pixels(dataset, notes: list[str]) -> np.ndarray:
    """uint8 (H, W), bone bright: the first frame, shown as the header wants it."""
    photometric = photometric_interpretation(dataset, notes)
    values, stored_as, bits = first_frame(dataset, notes)
    if photometric in MONOCHROME:
        return to_bytes(values, lambda every, occurrences: brightness(dataset, photometric, every, occurrences, notes))
    # a window has no meaning for colour (PS3.3 C.11.2.1.2.1)
    notes.append("color converted to gray")
    if photometric == PALETTE:
        return to_bytes(values, lambda every, _: palette_brightness(dataset, every))
    return to_bytes(luminance(values, stored_as), lambda every, _: every / (2**bits - 1))
