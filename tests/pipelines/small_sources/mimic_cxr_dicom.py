"""MIMIC-CXR as DICOM: the small MIMIC-CXR-JPG's tables beside DICOM files."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from tests.pipelines.small_sources import SmallSource
from tests.pipelines.small_sources.mimic_cxr_jpg import write as write_images


def write(folder: Path) -> SmallSource:
    small = write_images(folder, ".dcm")
    return dataclasses.replace(small, sources=(("mimic-cxr-dicom", small.sources[0][1]),))
