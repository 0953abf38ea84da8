"""MIMIC-CXR reports, one for each image of the small MIMIC-CXR-JPG."""

from __future__ import annotations

from pathlib import Path

from tests.pipelines.small_sources import SmallSource, store
from tests.pipelines.small_sources.mimic_cxr_jpg import ids, study_folder
from tests.pipelines.small_sources.mimic_cxr_jpg import write as write_images

REPORT = "                 FINAL REPORT\n INDICATION:  Fever.\n\n FINDINGS:  Heart size is normal.\n\n IMPRESSION:  Normal chest.\n"


def write(folder: Path) -> SmallSource:
    images, root = write_images(folder), folder / "mimic-cxr-reports"
    files = [store(root / f"{study_folder(*one[:2])}.txt", REPORT.encode()) for one in ids()]
    return SmallSource((*images.sources, ("mimic-cxr-reports", str(root))), images.images, annotations=files)
