"""MS-CXR: one phrase with one box on the images that validate and test in the small MIMIC-CXR-JPG."""

from __future__ import annotations

from pathlib import Path

from tests.pipelines.small_sources import HEIGHT, WIDTH, SmallSource, store, table_bytes
from tests.pipelines.small_sources.mimic_cxr_jpg import ids, study_folder
from tests.pipelines.small_sources.mimic_cxr_jpg import write as write_images


def write(folder: Path) -> SmallSource:
    images, root = write_images(folder), folder / "ms-cxr"
    name = "MS_CXR_Local_Alignment_v1.0.0.csv"
    columns = ("category_name", "label_text", "path", "dicom_id", "image_width", "image_height", "x", "y", "w", "h")
    rows = [
        (
            "Pneumonia",
            "right opacity, dense",
            f"{study_folder(subject, study)}/{dicom}.jpg",
            dicom,
            WIDTH,
            HEIGHT,
            5,
            5,
            20,
            10,
        )
        for subject, study, dicom in ids()[-2:]
    ]
    store(root / name, table_bytes(columns, rows))
    return SmallSource(
        (*images.sources, ("ms-cxr", str(root))),
        images.images,
        tables={name: ("category_name", "label_text", "dicom_id", "x", "y", "w", "h")},
        identifiers={name: ("dicom_id",)},
    )
