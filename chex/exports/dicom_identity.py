"""What every DICOM object that is made of a report says of itself: its series, its number, and who wrote it."""

from __future__ import annotations

from typing import Any

from chex.exports.dicom_source import DicomSource
from chex.exports.provenance import MANUFACTURER, algorithm_name, algorithm_version, device_uuid, series_uid, uid_of
from chex.records import Report


def identity(report: Report, image: DicomSource, kind: str, *, series_number: int, content: str) -> dict[str, Any]:
    """Arguments of highdicom's classes. kind: the FORMAT; content: the word that describes the series."""
    made = report.provenance
    return {
        "series_instance_uid": series_uid(made, image.evidence.StudyInstanceUID, kind),
        "series_number": series_number,
        "series_description": f"{algorithm_name(made)} {content}"[:64],
        "sop_instance_uid": uid_of(report, kind),
        "instance_number": int(image.evidence.InstanceNumber),
        "manufacturer": MANUFACTURER,
        "manufacturer_model_name": algorithm_name(made),
        "software_versions": algorithm_version(made),
        "device_serial_number": str(device_uuid(made)),
        "specific_character_set": "ISO_IR 192",
    }
