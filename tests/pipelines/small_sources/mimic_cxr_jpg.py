"""MIMIC-CXR-JPG: six patients with one study of one image each, four of them in training."""

from __future__ import annotations

from pathlib import Path

from chex.vocabulary import load
from tests.pipelines.small_sources import PATIENTS, SmallSource, encoded, store, table_bytes


def ids() -> list[tuple[str, str, str]]:
    """(subject_id, study_id, dicom_id)."""
    return [(f"1000000{n}", f"5000000{n}", f"{n}{n}aa804e-bde0afdd") for n in range(PATIENTS)]


def study_folder(subject: str, study: str) -> str:
    return f"files/p{subject[:2]}/p{subject}/s{study}"


def write(folder: Path, suffix: str = ".jpg") -> SmallSource:
    root = folder / "mimic-cxr-jpg"
    splits = ["train"] * 4 + ["validate", "test"]
    labels = [label.partition("/")[2] for label in load().labels_of("chexpert")]
    names = {name: f"mimic-cxr-2.0.0-{name}.csv.gz" for name in ("metadata", "split", "chexpert")}
    images = [
        store(root / study_folder(subject, study) / f"{dicom}{suffix}", encoded(suffix, number))
        for number, (subject, study, dicom) in enumerate(ids())
    ]
    metadata = ("dicom_id", "subject_id", "study_id", "ViewPosition")
    rows = [(dicom, subject, study, "PA", "CHEST (PA, LAT)") for subject, study, dicom in ids()]
    store(root / names["metadata"], table_bytes((*metadata, "PerformedProcedureStepDescription"), rows))
    rows = [(dicom, study, subject, split) for (subject, study, dicom), split in zip(ids(), splits, strict=True)]
    store(root / names["split"], table_bytes(("dicom_id", "study_id", "subject_id", "split"), rows))
    rows = [(subject, study, "1.0", *[""] * (len(labels) - 1)) for subject, study, _ in ids()]
    store(root / names["chexpert"], table_bytes(("subject_id", "study_id", *labels), rows))
    return SmallSource(
        sources=(("mimic-cxr-jpg", str(root)),),
        images=images,
        tables={
            names["metadata"]: metadata,
            names["split"]: ("dicom_id", "split"),
            names["chexpert"]: ("study_id", *labels),
        },
        identifiers={
            names["metadata"]: ("dicom_id", "subject_id", "study_id"),
            names["split"]: ("dicom_id",),
            names["chexpert"]: ("study_id",),
        },
        unique={names["metadata"]: "ViewPosition", names["split"]: "split", names["chexpert"]: labels[0]},
    )
