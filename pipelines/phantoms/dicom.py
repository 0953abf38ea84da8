"""One phantom as a DICOM file, in the variety of a hospital's: both photometric interpretations, CR and DX, compressed or not."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np

from pipelines.phantoms.grey_levels import HIGHEST, display_window
from pipelines.phantoms.planned import PlannedStudy
from pipelines.phantoms.truth import PhantomImage

MONOCHROME1_SHARE, COMPRESSED_SHARE = 0.25, 0.12


def write_dicom(path: Path, planned: PlannedStudy, image: PhantomImage) -> None:
    """Writes a 12-bit radiograph; how it is stored depends on the planned study alone."""
    from pydicom import dcmwrite

    path.parent.mkdir(parents=True, exist_ok=True)
    dcmwrite(path, radiograph(planned, image), enforce_file_format=True)


def radiograph(planned: PlannedStudy, image: PhantomImage):
    """The pydicom dataset of one phantom, with its file meta information."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import (
        ComputedRadiographyImageStorage,
        DigitalXRayImageStorageForPresentation,
        ExplicitVRLittleEndian,
        JPEG2000Lossless,
        generate_uid,
    )

    rng = random.Random(f"dicom {planned.seed}")
    inverted = rng.random() < MONOCHROME1_SHARE
    compressed = rng.random() < COMPRESSED_SHARE
    digital = rng.random() < 0.6
    stored = (HIGHEST - image.pixels if inverted else image.pixels).astype("<u2")
    centre, width = display_window(stored)

    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = DigitalXRayImageStorageForPresentation if digital else ComputedRadiographyImageStorage
    for level, identity in (("SOPInstance", "image"), ("StudyInstance", "study"), ("SeriesInstance", "series")):
        setattr(dataset, f"{level}UID", generate_uid(entropy_srcs=[identity, planned.image_id]))
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.ImageType = ["ORIGINAL", "PRIMARY"]
    dataset.PresentationIntentType = "FOR PRESENTATION"
    dataset.Modality = "DX" if digital else "CR"
    dataset.StudyDate = dataset.ContentDate = f"{planned.taken:%Y%m%d}"
    dataset.StudyTime = dataset.ContentTime = f"{planned.taken:%H%M%S}"
    dataset.AccessionNumber = dataset.ReferringPhysicianName = dataset.StudyID = ""
    dataset.SeriesNumber = dataset.InstanceNumber = "1"
    dataset.PatientName = "Phantom"
    dataset.PatientID = planned.patient_id
    dataset.PatientBirthDate = ""
    dataset.PatientSex = image.sex
    dataset.PatientAge = f"{image.age:03d}Y"
    dataset.BodyPartExamined = "CHEST"
    dataset.ViewPosition = image.view
    dataset.PatientOrientation = ["L", "F"]
    dataset.Manufacturer = "Chex-Ray phantoms"
    dataset.BurnedInAnnotation = "NO"
    dataset.PixelSpacing = dataset.ImagerPixelSpacing = [f"{image.pixel_spacing_mm:.4f}"] * 2
    _describe_pixels(dataset, stored, inverted, centre, width)
    if compressed:
        dataset.compress(JPEG2000Lossless, stored, encoding_plugin="pylibjpeg", generate_instance_uid=False)
    else:
        dataset.PixelData = stored.tobytes()
        dataset["PixelData"].VR = "OW"
    return dataset


def _describe_pixels(dataset, stored: np.ndarray, inverted: bool, centre: float, width: float) -> None:
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME1" if inverted else "MONOCHROME2"
    dataset.PresentationLUTShape = "INVERSE" if inverted else "IDENTITY"
    dataset.Rows, dataset.Columns = stored.shape
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    dataset.PixelRepresentation = 0
    dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = "0", "1", "US"
    dataset.WindowCenter, dataset.WindowWidth = f"{centre:g}", f"{width:g}"
    dataset.LossyImageCompression = "00"
