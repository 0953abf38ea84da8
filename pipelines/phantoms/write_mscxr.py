"""Phantoms in the layout of MS-CXR: phrases of reports with the boxes of what they describe."""

from __future__ import annotations

from pipelines.phantoms.grammar import Sentence
from pipelines.phantoms.planned import PlannedStudy
from pipelines.phantoms.reports import PhantomReport
from pipelines.phantoms.truth import PhantomImage

TABLES = {
    "ms-cxr/MS_CXR_Local_Alignment_v1.0.0.csv": (
        "category_name", "label_text", "path", "dicom_id", "image_width", "image_height", "x", "y", "w", "h",
    ),
}  # fmt: skip
_CATEGORIES = {
    "atelectasis": "Atelectasis",
    "cardiomegaly": "Cardiomegaly",
    "consolidation": "Consolidation",
    "edema": "Edema",
    "pleural effusion": "Pleural Effusion",
    "pneumothorax": "Pneumothorax",
}


def grounded_rows(planned: PlannedStudy, image: PhantomImage, report: PhantomReport) -> dict[str, list]:
    """Rows for TABLES: one per box of a finding that a sentence of its own describes; boxes in pixels."""
    height, width = image.pixels.shape
    rows, done = [], set()
    for sentence in report.sentences:
        if len(sentence.findings) != 1 or sentence.findings[0] in done:
            continue
        finding = image.findings[sentence.findings[0]]
        if finding.kind not in _CATEGORIES:
            continue
        done.add(sentence.findings[0])
        for x_min, y_min, x_max, y_max in finding.boxes:
            x, y = round(x_min * width), round(y_min * height)
            rows.append(
                {
                    "category_name": _category(finding.kind, sentence),
                    "label_text": sentence.text.removesuffix("."),
                    "path": f"{planned.folder}/{planned.image_id}.jpg",
                    "dicom_id": planned.image_id,
                    "image_width": width,
                    "image_height": height,
                    "x": x,
                    "y": y,
                    "w": max(round(x_max * width) - x, 1),
                    "h": max(round(y_max * height) - y, 1),
                }
            )
    return {name: rows for name in TABLES}


def _category(kind: str, sentence: Sentence) -> str:
    """What the phrase itself says: "opacity concerning for pneumonia" is of the category Pneumonia."""
    mentioned = dict(sentence.chexpert)
    if "Pneumonia" in mentioned:
        return "Pneumonia"
    return "Lung Opacity" if mentioned.get("Lung Opacity") == 1 else _CATEGORIES[kind]
