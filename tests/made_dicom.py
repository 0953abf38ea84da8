"""DICOM files with known values, for tests."""

from __future__ import annotations

import io

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ComputedRadiographyImageStorage, ExplicitVRLittleEndian, generate_uid


def made_dataset(values: np.ndarray, bits: int = 12, syntax: str = ExplicitVRLittleEndian, **elements) -> Dataset:
    """A computed radiograph with `values` (H, W), (F, H, W) or, for RGB, (H, W, 3) as its stored values."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = ComputedRadiographyImageStorage
    dataset.SOPInstanceUID = generate_uid(entropy_srcs=["image"])
    dataset.StudyInstanceUID = generate_uid(entropy_srcs=["study"])
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.Modality = "CR"
    color = values.ndim == 3 and values.shape[-1] == 3
    frames = values.ndim == 3 and not color
    dataset.Rows, dataset.Columns = values.shape[1:] if frames else values.shape[:2]
    if frames:
        dataset.NumberOfFrames = values.shape[0]
    dataset.SamplesPerPixel = 3 if color else 1
    dataset.PhotometricInterpretation = "RGB" if color else "MONOCHROME2"
    if color:
        dataset.PlanarConfiguration = 0
    dataset.BitsAllocated = values.dtype.itemsize * 8
    dataset.BitsStored, dataset.HighBit = bits, bits - 1
    dataset.PixelRepresentation = int(values.dtype.kind == "i")
    content = values.tobytes()
    dataset.PixelData = content + b"\0" * (len(content) % 2)
    dataset["PixelData"].VR = "OB" if dataset.BitsAllocated == 8 else "OW"
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    if syntax == "1.2.840.10008.1.2.5" or "1.2.840.10008.1.2.4" in syntax:
        dataset.compress(syntax, generate_instance_uid=False)
    else:
        dataset.file_meta.TransferSyntaxUID = syntax
    return dataset


def made_dicom(values: np.ndarray, bits: int = 12, syntax: str = ExplicitVRLittleEndian, **elements) -> bytes:
    """The same as a file."""
    sink = io.BytesIO()
    made_dataset(values, bits, syntax, **elements).save_as(sink, enforce_file_format=True)
    return sink.getvalue()
