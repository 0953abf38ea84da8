"""Phantoms in the layout of MIMIC-CXR-JPG 2.0.0 and of MIMIC-CXR's reports."""

from __future__ import annotations

from pathlib import Path

from pipelines.phantoms.grey_levels import display_window, windowed
from pipelines.phantoms.planned import PlannedStudy
from pipelines.phantoms.reports import PhantomReport, chexpert_labels, chexpert_names
from pipelines.phantoms.truth import PhantomImage

METADATA = (
    "dicom_id", "subject_id", "study_id", "PerformedProcedureStepDescription", "ViewPosition", "Rows", "Columns",
    "StudyDate", "StudyTime", "ProcedureCodeSequence_CodeMeaning", "ViewCodeSequence_CodeMeaning",
    "PatientOrientationCodeSequence_CodeMeaning",
)  # fmt: skip
_PROCEDURES = {"AP": "CHEST (PORTABLE AP)", "PA": "CHEST (PA AND LAT)"}
_VIEWS = {"AP": "antero-posterior", "PA": "postero-anterior"}
JPEG_QUALITY = 95


def tables() -> dict[str, tuple[str, ...]]:
    """The tables' paths, and the columns of each."""
    labels = ("subject_id", "study_id", *chexpert_names())
    return {
        "mimic-cxr-jpg/mimic-cxr-2.0.0-metadata.csv.gz": METADATA,
        "mimic-cxr-jpg/mimic-cxr-2.0.0-split.csv.gz": ("dicom_id", "study_id", "subject_id", "split"),
        "mimic-cxr-jpg/mimic-cxr-2.0.0-chexpert.csv.gz": labels,
        "mimic-cxr-jpg/mimic-cxr-2.0.0-negbio.csv.gz": labels,
    }


def write_mimic(root: Path, planned: PlannedStudy, image: PhantomImage, report: PhantomReport) -> dict[str, list]:
    """Writes one study's image and report under `root`; returns its rows for each of `tables()`."""
    from PIL import Image

    folder = root / "mimic-cxr-jpg" / planned.folder
    folder.mkdir(parents=True, exist_ok=True)
    shown = windowed(image.pixels, *display_window(image.pixels))
    Image.fromarray(shown).save(folder / f"{planned.image_id}.jpg", quality=JPEG_QUALITY)

    text = root / "mimic-cxr-reports" / f"{planned.folder}.txt"
    text.parent.mkdir(parents=True, exist_ok=True)
    text.write_text(report.text, encoding="utf-8")

    who = {"subject_id": planned.patient_id, "study_id": planned.study_id}
    labels = who | {name: f"{value:.1f}" for name, value in chexpert_labels(image, report).items()}
    metadata, split, chexpert, negbio = tables()
    return {
        metadata: [who | _metadata(planned, image)],
        split: [who | {"dicom_id": planned.image_id, "split": planned.split}],
        chexpert: [labels],
        negbio: [labels],
    }


def _metadata(planned: PlannedStudy, image: PhantomImage) -> dict[str, object]:
    rows, columns = image.pixels.shape
    return {
        "dicom_id": planned.image_id,
        "PerformedProcedureStepDescription": _PROCEDURES[image.view],
        "ViewPosition": image.view,
        "Rows": rows,
        "Columns": columns,
        "StudyDate": f"{planned.taken:%Y%m%d}",
        "StudyTime": f"{planned.taken:%H%M%S}.{planned.seed % 1000:03d}",
        "ProcedureCodeSequence_CodeMeaning": _PROCEDURES[image.view],
        "ViewCodeSequence_CodeMeaning": _VIEWS[image.view],
        "PatientOrientationCodeSequence_CodeMeaning": "Recumbent" if image.view == "AP" else "Erect",
    }
