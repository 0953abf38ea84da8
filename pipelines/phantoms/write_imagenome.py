"""Phantoms in the layout of Chest ImaGenome 1.0.0's silver dataset: loose scene graphs, splits, images to avoid."""

from __future__ import annotations

import json
from pathlib import Path

from pipelines.phantoms.planned import PlannedStudy
from pipelines.phantoms.reports import PhantomReport
from pipelines.phantoms.scene_graph import scene_graph
from pipelines.phantoms.truth import PhantomImage

_COLUMNS = ("subject_id", "study_id", "dicom_id", "path", "ViewPosition")
_SPLITS = "chest-imagenome/silver_dataset/splits"
_FILES = {"train": "train", "validate": "valid", "test": "test"}
TABLES = {f"{_SPLITS}/{name}.csv": _COLUMNS for name in (*_FILES.values(), "images_to_avoid")}


def write_imagenome(root: Path, planned: PlannedStudy, image: PhantomImage, report: PhantomReport) -> dict[str, list]:
    """Writes one image's scene graph under `root`; returns its rows for each of TABLES."""
    folder = root / "chest-imagenome" / "silver_dataset" / "scene_graph"
    folder.mkdir(parents=True, exist_ok=True)
    content = json.dumps(scene_graph(image, report, planned))
    (folder / f"{planned.image_id}_SceneGraph.json").write_text(content, encoding="utf-8")
    row = {
        "subject_id": planned.patient_id,
        "study_id": planned.study_id,
        "dicom_id": planned.image_id,
        "path": f"{planned.folder}/{planned.image_id}.dcm",
        "ViewPosition": image.view,
    }
    rows = {f"{_SPLITS}/{_FILES[planned.split]}.csv": [row]}
    return rows | {f"{_SPLITS}/images_to_avoid.csv": [row]} if planned.gold else rows
