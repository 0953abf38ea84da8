"""Chest ImaGenome: one scene graph of six regions for each image of the small MIMIC-CXR-JPG."""

from __future__ import annotations

import json
from pathlib import Path

from tests.pipelines.small_sources import SmallSource, store, table_bytes
from tests.pipelines.small_sources.mimic_cxr_jpg import ids
from tests.pipelines.small_sources.mimic_cxr_jpg import write as write_images


def scene_graph() -> dict:
    regions = ["right lung", "left lung", "spine", "trachea", "carina", "abdomen"]
    corners = {"original_x1": 5, "original_y1": 5, "original_x2": 40, "original_y2": 30}
    return {
        "viewpoint": "PA",
        "objects": [{"bbox_name": name} | corners for name in regions],
        "attributes": [
            {
                "bbox_name": "right lung",
                "phrases": ["There is a right effusion."],
                "attributes": [["anatomicalfinding|yes|pleural effusion"]],
            }
        ],
    }


def write(folder: Path) -> SmallSource:
    images, root = write_images(folder), folder / "chest-imagenome"
    content = json.dumps(scene_graph()).encode()
    graphs = root / "silver_dataset" / "scene_graph"
    files = [store(graphs / f"{dicom}_SceneGraph.json", content) for *_, dicom in ids()]
    gold = "silver_dataset/splits/images_to_avoid.csv"
    columns = ("subject_id", "study_id", "dicom_id", "path", "ViewPosition")
    store(root / gold, table_bytes(columns, [("19999999", "59999999", "ffaa804e-bde0afdd", "x.dcm", "PA")]))
    return SmallSource(
        (*images.sources, ("chest-imagenome", str(root))),
        images.images,
        tables={gold: ("dicom_id",)},
        identifiers={gold: ("dicom_id",)},
        annotations=files,
    )
