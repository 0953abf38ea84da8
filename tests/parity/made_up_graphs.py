"""Made-up scene graphs worked out by hand: one image that is kept, one with a region twice, one lateral."""

from __future__ import annotations

import json
from typing import Any

ATELECTASIS, GOITER = "cig/af/atelectasis", "cig/disease/goiter"
_CORNERS = ("original_x1", "original_y1", "original_x2", "original_y2")
_REGIONS = ("spine", "right lung", "left lung", "trachea", "carina", "abdomen")
_KEPT = {  # in an image of 400 × 200 pixels
    "right lung": [10, 50, 90, 250], "left lung": [110, 50, 190, 250], "trachea": [90, 10, 110, 60],
    "spine": [-5, 0, 110, 420], "carina": [80, 60, 120, 80], "abdomen": [20, 380, 20, 400],
}  # fmt: skip
_VALID = {name: box for name, box in _KEPT.items() if name != "abdomen"} | {"spine": [0, 0, 110, 400]}
_TWICE = {name: [10 * i, 10, 10 * i + 50, 60] for i, name in enumerate(_REGIONS[:5])}
_SMALL, _NONE = "The right lung is small.", "No pneumonia"
_STRAIGHT, _GAS = "The spine is straight.", "Gas is seen."
_SENTENCES = {"right lung": [_SMALL, _NONE], "spine": [_STRAIGHT], "abdomen": [_GAS]}
_LABELS = {f"{ATELECTASIS}/right lung": 1.0, f"{GOITER}/spine": 1.0, f"{ATELECTASIS}/abdomen": 1.0}
_ATTRIBUTES = (
    ("right lung", [f" FINDINGS:  {_SMALL} ", f" {_NONE}"], [["nlp|yes|abnormal", "anatomicalfinding|yes|atelectasis"],
                                                           ["disease|no|goiter"]]),
    ("spine", [_STRAIGHT], [["disease|yes|goiter", "technicalassessment|yes|rotated"]]),
    ("abdomen", [_GAS], [["anatomicalfinding|yes|atelectasis"]]),
)  # fmt: skip


def graph_case() -> dict[str, Any]:
    """The whole case; no two of its parts share a list, so that one can be changed alone."""
    return json.loads(json.dumps(_case()))


def _case() -> dict[str, Any]:
    once, twice = _ids(0), _ids(1)
    kept = {**once, **_boxes(_VALID, False), **_labels(_LABELS), **_said(_SENTENCES), "H": 400, "W": 200, "view": "PA"}
    other = {name: box for name, box in _TWICE.items() if name != "carina"} | {"carina": [0, 0, 90, 60]}
    files = {
        "anat_bboxes": [{**once, **_boxes(_VALID, False)}, {**twice, **_boxes(other, True)}],
        "anat_observations": [{**once, **_labels(_LABELS)}, {**twice, **_labels(dict.fromkeys(_LABELS))}],
        "observations": [
            {**once, f"cls/{ATELECTASIS}": 1.0, f"cls/{GOITER}": 1.0, "cls/cig/abnormal": 1.0},
            {**twice, f"cls/{ATELECTASIS}": 0.0, f"cls/{GOITER}": 0.0, "cls/cig/abnormal": 0.0},
        ],
        "sentences": [{**once, **_said(_SENTENCES)}, {**twice, **_said({})}],
        "phrase_assignment": [
            _phrases(once, {_SMALL: ["right lung"], _NONE: ["right lung"], _STRAIGHT: ["spine"]}),
            _phrases(twice, {}),
        ],
    }
    doubtful = {"duplicated_boxes": [_doubtful(1, "carina")], "invalid_boxes": [_doubtful(0, "abdomen")]}
    rules = ("cig_split", "cigmimic_split", "cig_noleak", "cig_nogoldleak")
    return {
        "note": "",
        "scene_graphs": [_graph(0, "PA", [*_KEPT.items()], _ATTRIBUTES), _graph(2, "LATERAL", [*_KEPT.items()], ()),
                         _graph(1, "AP", [*_TWICE.items(), ("carina", [0, 0, 60, 30])], ())],
        "mimic_meta": [_image(0, 400, 200, "PA", "validate"), _image(1, 300, 300, "AP", "train"),
                       _image(2, 400, 200, "LATERAL", "train")],
        "merged_rows": [{**kept, "split": "validate", "report_sentences": "[]"}],
        "files": {f"chest_imagenome-{name}": rows for name, rows in files.items()} | doubtful,
        "box_stats": {name: 0.0 if name == "abdomen" else 1.0 for name in _REGIONS},
        **{f"rows_{rule}": [["x0", "valid" if rule == "cig_split" else "validate"]] for rule in rules},
        "tensors_center0": _tensors({name: [x0 / 200, y0 / 400, x1 / 200, y1 / 400]
                                     for name, (x0, y0, x1, y1) in _VALID.items()}),
        # the square begins at row 100: trachea and carina lie above it
        "tensors_center1": _tensors({"right lung": [0.05, 0.0, 0.45, 0.75], "left lung": [0.55, 0.0, 0.95, 0.75],
                                     "spine": [0.0, 0.0, 0.55, 1.0]}),
        "anatomy_class_labels": {
            "class_names": [GOITER, ATELECTASIS],
            "labels": [[[float(f"{label}/{name}" in _LABELS) for label in (GOITER, ATELECTASIS)] for name in _REGIONS]],
            "sentences": [[_SENTENCES.get(name, []) for name in _REGIONS]],
        },
    }  # fmt: skip


def _ids(number: int) -> dict:
    return {"dicom_id": f"x{number}", "subject_id": 70 + number, "study_id": 80 + number}


def _image(number: int, height: int, width: int, view: str, split: str) -> dict:
    return {**_ids(number), "H": height, "W": width, "view": view, "split": split, "report_sentences": "[]"}


def _graph(number: int, view: str, boxes: list, attributes: tuple) -> dict:
    return {
        "image_id": f"x{number}", "viewpoint": view, "patient_id": 70 + number, "study_id": 80 + number,
        "objects": [{"bbox_name": name, **dict(zip(_CORNERS, box, strict=True))} for name, box in boxes],
        "attributes": [{"bbox_name": name, "phrases": said, "attributes": stated} for name, said, stated in attributes],
        "relationships": [],
    }  # fmt: skip


def _boxes(boxes: dict[str, list], twice: bool) -> dict:
    columns = {f"anatbbox/{name}": json.dumps(boxes[name]) if name in boxes else None for name in _REGIONS}
    return {**columns, "anat_has_duplicate_box": twice, "anat_has_bboxes": True}


def _labels(labels: dict[str, float | None]) -> dict:
    return {f"anatcls/{name}": value for name, value in labels.items()} | {"anatcls/cig/abnormal/right lung": 1.0}


def _said(sentences: dict[str, list[str]]) -> dict:
    return {f"anatphrases/{name}": json.dumps(sentences.get(name, [])) for name in _REGIONS}


def _phrases(ids: dict, said_of: dict[str, list[str]]) -> dict:
    boxes = [[_VALID[name] for name in names] for names in said_of.values()]
    values = {"unique_phrases": list(said_of), "phrase_bboxes": boxes, "phrase_regions": list(said_of.values())}
    return {**ids, **{name: json.dumps(value) for name, value in values.items()}, "phrasecls": "[]"}


def _doubtful(number: int, region: str) -> dict:
    # the headings of the ids are exchanged in these files
    return {"study_id": 70 + number, "subject_id": 80 + number, "dicom_id": f"x{number}", "bbox_name": region}


def _tensors(boxes: dict[str, list[float]]) -> dict:
    centred = {name: [(x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0] for name, (x0, y0, x1, y1) in boxes.items()}
    grouped = {"apical zones": ["right apical zone", "left apical zone"], "lungs": ["right lung", "left lung"]}
    return {
        "dicom_id": ["x0"],
        "anatomy_names": list(_REGIONS),
        "multi_anatomy_names": list(grouped),
        "anatomy_bboxes": [[centred.get(name, [0.0] * 4) for name in _REGIONS]],
        "anatomy_present_masks": [[name in centred for name in _REGIONS]],
        "anatomy_multiboxes": [[[centred.get(name, [0.0] * 4) for name in names] for names in grouped.values()]],
        "anatomy_multibox_masks": [[[name in centred for name in names] for names in grouped.values()]],
    }
