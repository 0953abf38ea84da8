"""A report and its source images, made by hand, for the tests of formats."""

from __future__ import annotations

import io

import numpy as np
from pydicom import Dataset, FileMetaDataset, config, dcmread
from pydicom.uid import ComputedRadiographyImageStorage, ExplicitVRLittleEndian

from chex.pixels import header_alone
from chex.records import Finding, Provenance, Query, Report, ScoredBox, SourceImage

EFFUSION_BOXES = (ScoredBox((0.1, 0.55, 0.4, 0.9), 0.83), ScoredBox((0.6, 0.7, 0.9, 0.95), 0.41))
STUDY, SERIES, INSTANCE = (
    "1.2.826.0.1.3680043.8.498.1",
    "1.2.826.0.1.3680043.8.498.1.2",
    "1.2.826.0.1.3680043.8.498.1.2.3",
)


def provenance(**changes) -> Provenance:
    made = {
        "model_name": "phantom",
        "model_version": "1",
        "weights_sha256": "a1" * 32,
        "prompt_set": "default",
        "thresholds": (("box_score", 0.3),),
        "input_sha256": "b2" * 32,
        "software_version": "0.1.0",
        "sop_instance_uid": INSTANCE,
        "prompts_sha256": "c3" * 32,
    }
    return Provenance(**made | changes)


def findings() -> tuple[Finding, ...]:
    """Stated with two boxes, a region that stands for another, denied, a box that was asked about, free words."""
    return (
        Finding(
            Query(text="pleural effusion", name="pleural_effusion"),
            EFFUSION_BOXES,
            "Small bilateral pleural effusions.",
            (("pleural_effusion", 0.91),),
        ),
        Finding(
            Query(text="right lung", name="right lung"),
            (ScoredBox((0.05, 0.1, 0.45, 0.85), 0.77),),
            "Hazy opacity of the right lung.",
            parents=("cardiac silhouette", "right costophrenic angle"),
        ),
        Finding(
            Query(text="pneumothorax", name="pneumothorax"),
            (ScoredBox((0.5, 0.1, 0.7, 0.3), 0.2),),
            "No pneumothorax.",
        ),
        Finding(
            Query(box=(0.2, 0.2, 0.3, 0.3), name="marked"),
            (ScoredBox((0.2, 0.2, 0.3, 0.3), 1.0),),
            "The lung is clear.",
        ),
        Finding(Query(text="größere Verschattung"), (), "There is an opacity — “round” <1 cm & dense."),
    )


def report(**changes) -> Report:
    found = findings()
    return Report(found, " ".join(finding.sentence for finding in found), provenance(**changes))


def dicom_file(
    height: int = 60,
    width: int = 40,
    *,
    syntax: str = ExplicitVRLittleEndian,
    leave_out: tuple[str, ...] = (),
    **changes,
) -> bytes:
    """A black computed radiograph with a header as hospitals write it; `changes` are elements by keyword."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    content = {
        "SOPClassUID": ComputedRadiographyImageStorage,
        "SOPInstanceUID": INSTANCE,
        "StudyInstanceUID": STUDY,
        "SeriesInstanceUID": SERIES,
        "PatientName": "Doe^Jane",
        "PatientID": "PID-1234",
        "PatientBirthDate": "19500102",
        "PatientSex": "F",
        "StudyDate": "20240305",
        "StudyTime": "101500",
        "AcquisitionDate": "20240305",
        "AcquisitionTime": "101830",
        "StudyID": "S1",
        "StudyDescription": "Chest PA",
        "AccessionNumber": "ACC-77",
        "ReferringPhysicianName": "House^Gregory",
        "Modality": "CR",
        "BodyPartExamined": "CHEST",
        "ViewPosition": "PA",
        "SeriesNumber": 1,
        "InstanceNumber": 3,
        "Rows": height,
        "Columns": width,
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "BitsAllocated": 16,
        "BitsStored": 12,
        "HighBit": 11,
        "PixelRepresentation": 0,
        "WindowCenter": 2048,
        "WindowWidth": 4096,
    }
    with config.disable_value_validation():
        for keyword, value in (content | changes).items():
            if keyword not in leave_out:
                setattr(dataset, keyword, value)
    frames = int(dataset.get("NumberOfFrames", 1))
    samples = int(dataset.SamplesPerPixel) * frames
    dataset.PixelData = np.zeros((samples, height, width), np.uint16).tobytes()
    file = io.BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    return file.getvalue()


def source(data: bytes | None = None, uri: str = "archive/chest.dcm") -> SourceImage:
    """What exports get of this file; without bytes, of the one above."""
    data = dicom_file() if data is None else data
    dataset = dcmread(io.BytesIO(data), stop_before_pixels=True)
    height, width = dataset.Rows, dataset.Columns
    pixels = np.linspace(0, 255, height * width).astype(np.uint8).reshape(height, width)
    return SourceImage(uri, height, width, pixels, header_alone(data))
