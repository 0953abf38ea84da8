"""Phantoms in the layout of VinDr-CXR 1.0.0: DICOM files, boxes and image labels of every reader."""

from __future__ import annotations

from pathlib import Path

from chex.vocabulary import load
from pipelines.phantoms.dicom import write_dicom
from pipelines.phantoms.planned import PlannedStudy
from pipelines.phantoms.readers import CONSENSUS, Reading, consensus_reading, three_readings
from pipelines.phantoms.truth import PhantomImage

_BOXES = ("image_id", "rad_id", "class_name", "x_min", "y_min", "x_max", "y_max")
# the dataset's own spellings: one name differs between its files, and some end in a space
_SPELLED = {
    "train": {"Other disease": "Other diseases", "Other lesion": "Other lesion ", "Edema": "Edema "},
    "test": {"Lung tumor": "Lung tumor "},
}


def tables() -> dict[str, tuple[str, ...]]:
    """The tables' paths, and the columns of each."""
    return {
        "vindr-cxr/annotations/annotations_train.csv": _BOXES,
        "vindr-cxr/annotations/annotations_test.csv": _BOXES,
        "vindr-cxr/annotations/image_labels_train.csv": ("image_id", "rad_id", *_label_columns("train")),
        "vindr-cxr/annotations/image_labels_test.csv": ("image_id", *_label_columns("test")),
    }


def _label_columns(part: str) -> dict[str, str]:
    """The columns of a part's image labels and the label that each is."""
    names = [label.partition("/")[2] for label in load().labels_of("vindr-image")]
    return {_SPELLED[part].get(name, name): name for name in names}


def write_vindr(root: Path, planned: PlannedStudy, image: PhantomImage) -> dict[str, list]:
    """Writes one image under `root`; returns its rows for each of `tables()`."""
    write_dicom(root / "vindr-cxr" / planned.split / f"{planned.image_id}.dicom", planned, image)
    test = planned.split == "test"
    readings = (consensus_reading(image, planned.seed),) if test else three_readings(image, planned.seed)
    return {
        f"vindr-cxr/annotations/annotations_{planned.split}.csv": [
            row for reading in readings for row in _box_rows(planned, image, reading)
        ],
        f"vindr-cxr/annotations/image_labels_{planned.split}.csv": [
            _label_row(planned, reading) for reading in readings
        ],
    }


def _box_rows(planned: PlannedStudy, image: PhantomImage, reading: Reading) -> list[dict]:
    height, width = image.pixels.shape
    who = {"image_id": planned.image_id, "rad_id": reading.reader}
    if not reading.boxes:
        return [who | {"class_name": "No finding"}]
    rows = []
    for name, (x_min, y_min, x_max, y_max) in reading.boxes:
        corners = (x_min * width, y_min * height, x_max * width, y_max * height)
        spelled = _SPELLED[planned.split].get(name, name)
        rows.append(who | {"class_name": spelled} | {c: f"{v:.2f}" for c, v in zip(_BOXES[3:], corners, strict=True)})
    return rows


def _label_row(planned: PlannedStudy, reading: Reading) -> dict:
    marked = {name for name, _ in reading.boxes} | reading.diagnoses or {"No finding"}
    row = {"image_id": planned.image_id}
    row |= {column: int(name in marked) for column, name in _label_columns(planned.split).items()}
    return row if reading.reader == CONSENSUS else row | {"rad_id": reading.reader}
