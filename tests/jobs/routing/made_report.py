"""A small structured report, where what it says does not matter."""

from __future__ import annotations

import io

from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import BasicTextSRStorage, ExplicitVRLittleEndian


def made_report(number: int) -> bytes:
    """A DICOM file; equal numbers are the same instance."""
    report = Dataset()
    report.file_meta = FileMetaDataset()
    report.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    report.file_meta.MediaStorageSOPClassUID = report.SOPClassUID = BasicTextSRStorage
    report.file_meta.MediaStorageSOPInstanceUID = report.SOPInstanceUID = f"1.2.3.4.{number}"
    report.StudyInstanceUID, report.SeriesInstanceUID = "1.2.3", "1.2.3.4"
    report.PatientID, report.PatientName, report.Modality = "phantom", "Phantom", "SR"
    report.CompletionFlag, report.VerificationFlag, report.ValueType = "COMPLETE", "UNVERIFIED", "CONTAINER"
    file = io.BytesIO()
    report.save_as(file, enforce_file_format=True)
    return file.getvalue()
