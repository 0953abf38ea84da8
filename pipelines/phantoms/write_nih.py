"""Phantoms in the layout of NIH ChestX-ray14: square PNG images, labels of the whole image, boxes of a few classes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from chex.vocabulary import load
from pipelines.phantoms.grey_levels import display_window, windowed
from pipelines.phantoms.planned import PlannedStudy
from pipelines.phantoms.truth import PhantomImage, PlacedFinding

_FOLDER = "nih-cxr14"
_ENTRIES, _BOXES = f"{_FOLDER}/Data_Entry_2017_v2020.csv", f"{_FOLDER}/BBox_List_2017.csv"
_LISTS = {"train_val_list.txt": ("train", "validate"), "test_list.txt": ("test",)}
TABLES = {
    _ENTRIES: (
        "Image Index", "Finding Labels", "Follow-up #", "Patient ID", "Patient Age", "Patient Gender", "View Position",
        "OriginalImage[Width", "Height]", "OriginalImagePixelSpacing[x", "y]",
    ),
    # the header has three columns without a name, as the dataset's own
    _BOXES: ("Image Index", "Finding Label", "Bbox [x", "y", "w", "h]", "", "", ""),
}  # fmt: skip
_BOX_FRAME = 1024  # boxes are in pixels of the dataset's own images, whatever the size of these copies
# the 14 labels know neither fractures nor devices nor calcifications, and no phantom shows the labels left out here
_LABELS = {
    "atelectasis": "Atelectasis",
    "cardiomegaly": "Cardiomegaly",
    "consolidation": "Consolidation",
    "edema": "Edema",
    "emphysema": "Emphysema",
    "mass": "Mass",
    "nodule": "Nodule",
    "pleural effusion": "Effusion",
    "pleural thickening": "Pleural_Thickening",
    "pneumothorax": "Pneumothorax",
}


def write_nih(root: Path, planned: PlannedStudy, image: PhantomImage) -> dict[str, list]:
    """Writes one image under `root`; returns its rows for each of TABLES."""
    from PIL import Image

    folder = root / _FOLDER / "images"
    folder.mkdir(parents=True, exist_ok=True)
    height, width = image.pixels.shape
    shown = Image.fromarray(windowed(image.pixels, *display_window(image.pixels)))
    # the dataset's images were made square without regard to their shape
    side = max(height, width)
    shown.resize((side, side), Image.Resampling.BICUBIC).save(folder / f"{planned.image_id}.png")
    found = [(label, finding) for finding in image.findings for label in nih_labels(finding)]
    return {_ENTRIES: [_entry(planned, image, {label for label, _ in found})], _BOXES: _box_rows(planned, found)}


def write_lists(root: Path, plan: Sequence[PlannedStudy]) -> None:
    """Writes which of the plan's NIH images train and validate, and which test."""
    for name, splits in _LISTS.items():
        images = sorted(f"{one.image_id}.png" for one in plan if one.dataset == _FOLDER and one.split in splits)
        (root / _FOLDER / name).write_text("".join(f"{image}\n" for image in images), encoding="utf-8")


def nih_labels(finding: PlacedFinding) -> tuple[str, ...]:
    """The names of the 14 labels that a finding shows: a consolidation that is not mild is called pneumonia, too."""
    if finding.kind not in _LABELS:
        return ()
    pneumonia = finding.kind == "consolidation" and finding.severity != "mild"
    return (_LABELS[finding.kind], "Pneumonia") if pneumonia else (_LABELS[finding.kind],)


def _entry(planned: PlannedStudy, image: PhantomImage, labels: set[str]) -> dict[str, object]:
    height, width = image.pixels.shape
    return {
        "Image Index": f"{planned.image_id}.png",
        "Finding Labels": "|".join(sorted(labels)) or "No Finding",
        "Follow-up #": planned.order - 1,
        "Patient ID": planned.patient_id,
        "Patient Age": image.age,
        "Patient Gender": image.sex,
        "View Position": image.view,
        "OriginalImage[Width": width,
        "Height]": height,
        "OriginalImagePixelSpacing[x": image.pixel_spacing_mm,
        "y]": image.pixel_spacing_mm,
    }


def _box_rows(planned: PlannedStudy, found: Sequence[tuple[str, PlacedFinding]]) -> list[dict[str, object]]:
    """A row per box of a class that the dataset has boxes of; images that train have none."""
    boxed = {label.partition("/")[2] for label in load().labels_of("nih-boxes")}
    return [
        {
            "Image Index": f"{planned.image_id}.png",
            "Finding Label": label,
            "Bbox [x": x_min * _BOX_FRAME,
            "y": y_min * _BOX_FRAME,
            "w": (x_max - x_min) * _BOX_FRAME,
            "h]": (y_max - y_min) * _BOX_FRAME,
        }
        for label, finding in found
        if label in boxed and planned.split != "train"
        for x_min, y_min, x_max, y_max in finding.boxes
    ]
