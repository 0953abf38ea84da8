"""Rows of the recorded tables of scene graphs, whose columns name regions and labels, beside our samples."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tests.parity.comparison import Compared, NotCompared
from tests.parity.pyfuncs.recorded_graphs import Converted

BOXES, LABELS, SENTENCES, OF_IMAGE = "anatbbox/", "anatcls/", "anatphrases/", "cls/"
NORMALITY = ("cig/abnormal", "cig/normal")
FLAGS = ("anat_has_duplicate_box", "anat_has_bboxes")
GIVEN = ("H", "W", "report_sentences")  # what the case is given comes back in its rows
IDS = ("dicom_id", "subject_id", "study_id", "view", "split")

Row = Mapping[str, Any]


def recorded_names(class_names: list[str]) -> dict[str, str]:
    """Our label → the recorded one, which has its category as well: cig/goiter → cig/disease/goiter."""
    return {f"cig/{name.split('/', 2)[2]}": name for name in class_names}


def compared_row(row: Row, ours: Converted, names: Mapping[str, str]) -> dict[str, Any]:
    """Part → ours and the recorded one, for whichever parts the row has; ValueError for a column of another kind."""
    parts: dict[str, dict[str, Any]] = {}
    for column, value in row.items():
        prefix = next((p for p in (BOXES, LABELS, SENTENCES, OF_IMAGE) if column.startswith(p)), "")
        parts.setdefault(prefix, {})[column.removeprefix(prefix)] = value
    single = parts.pop("", {})
    found: dict[str, Any] = {"ids": _ids(single, ours)}
    if unknown := single.keys() - {*IDS, *FLAGS, *GIVEN}:
        raise ValueError(f"columns that nothing is compared with: {', '.join(sorted(unknown))}")
    if FLAGS[0] in single:
        found["flags"] = ([bool(ours.twice), bool(ours.boxes)], [single[flag] for flag in FLAGS])
    for prefix, part in parts.items():
        found |= {BOXES: _boxes, LABELS: _labels, SENTENCES: _sentences, OF_IMAGE: _image_labels}[prefix](
            part, ours, names
        )
    return found


def _ids(row: Row, ours: Converted) -> Any:
    study = ours.study
    known = dict(zip(IDS, (study.image_id, study.patient_id, study.study_id, study.view, study.split), strict=True))
    return {key: known[key] for key in IDS if key in row}, {key: str(row[key]) for key in IDS if key in row}


def _boxes(part: Row, ours: Converted, names: Mapping[str, str]) -> dict[str, Any]:
    recorded = {region: json.loads(box) if box else None for region, box in part.items()}
    return {"boxes": Compared(dict.fromkeys(part) | ours.boxes, recorded, kind="forward")}


def _sentences(part: Row, ours: Converted, names: Mapping[str, str]) -> dict[str, Any]:
    recorded = {name: json.loads(sentences) for name, sentences in part.items()}
    return {"sentences": ({name: [] for name in part} | ours.sentences, recorded)}


def _labels(part: Row, ours: Converted, names: Mapping[str, str]) -> dict[str, Any]:
    # only what is affirmed is 1, all else is unknown
    recorded = {column: value for column, value in part.items() if column.rpartition("/")[0] not in NORMALITY}
    affirmed = {f"{names[label]}/{region}": 1.0 for region, labels in ours.labels.items() for label in labels}
    return {"labels": (dict.fromkeys(recorded) | affirmed, recorded), "normality": _normality(part, recorded)}


def _image_labels(part: Row, ours: Converted, names: Mapping[str, str]) -> dict[str, Any]:
    recorded = {column: value for column, value in part.items() if column not in NORMALITY}
    affirmed = {names[label]: 1.0 for labels in ours.labels.values() for label in labels}
    return {"labels": (dict.fromkeys(recorded, 0.0) | affirmed, recorded), "normality": _normality(part, recorded)}


def _normality(part: Row, compared: Row) -> NotCompared:
    return NotCompared(f"{len(part) - len(compared)} columns of normal and abnormal, which is no label here")
