"""A small made-up set of functions without a model, worked out by hand; other sizes and names than recorded ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_RIBS, _CYST = "vindrcxr/Rib fracture", "vindrcxr/Lung cyst"
_EDGES = ("x_min", "y_min", "x_max", "y_max")


def write_functions(folder: Path, cases: dict[str, Any]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pyfuncs.json").write_text(json.dumps({"header": {"set": "made up"}, **cases}))
    return folder


def function_cases() -> dict[str, Any]:
    """What a set of other sizes, classes and readers would hold."""
    cases = {"fuse_bboxes": _merged(), **_readers(), **_class_boxes(), "val_transform_rect_center": _square()}
    return json.loads(json.dumps(cases))  # no two cases share a list, so that one can be changed alone


def _merged() -> dict:
    meeting = [[0.0, 0.0, 2.0, 2.0], [1.0, 1.0, 4.0, 3.0], [9.0, 9.0, 10.0, 10.0]]
    return {"note": "", "cases": [{"input": meeting, "output": [[0.0, 0.0, 4.0, 3.0], meeting[2]]}]}


def _readers() -> dict:
    ribs = [[10, 20, 30, 60], [14, 20, 34, 64], [12, 26, 32, 62]]
    cyst, apart = [50, 100, 90, 150], [[100, 10, 200, 50], [210, 10, 290, 50]]
    rows = [_row("a", f"R{i}", "Rib fracture", box) for i, box in enumerate(ribs)]
    rows += [_row("a", "R0", "Lung cyst", cyst), _row("b", "R8", "No finding", [None] * 4)]
    rows += [_row("b", f"R{i}", "Rib fracture", box) for i, box in enumerate(apart)]
    votes = [{"image_id": "a", "rad_id": f"R{i}", "X": i % 2, "Y": int(i > 0)} for i in range(5)]
    only_b = [[*box, _RIBS] for box in apart]
    return {
        "vindr_fuse_boxes": {
            "note": "",
            "input": rows,
            "fused": {"a": [[*cyst, _CYST], [12.0, 22.0, 32.0, 62.0, _RIBS]], "b": only_b},
            "concatenated": {"a": [[*cyst, _CYST], *([*box, _RIBS] for box in ribs)], "b": only_b},
        },
        "vindr_majority_vote": {"input": votes, "output": {"a": {"X": 0, "Y": 1}}},
    }


def _row(image: str, reader: str, name: str, box: list) -> dict:
    return {"image_id": image, "rad_id": reader, "class_name": name, **dict(zip(_EDGES, box, strict=True))}


def _class_boxes() -> dict:
    """Image a is 200 × 100 pixels, b 100 × 300; the centre squares have 100."""
    given = {"note": "", "class_names": [_CYST, "vindrcxr/ILD", _RIBS], "H": [200, 100], "W": [100, 300]}
    ribs, visible = [0.22, 0.06, 0.2, 0.12, 2.0], [0.5, 0.3, 1.0, 0.4, 2.0]
    cyst = [0.7, 0.75, 0.4, 0.5, 0.0]
    nothing = [0.0] * 5
    return {
        "vindr_load_class_bboxes_center0": {
            **given,
            "crops": [[0.0, 0.0], [0.0, 0.0]],
            "rescales": [[1 / 100, 1 / 200], [1 / 300, 1 / 100]],
            "boxes": [
                [[0.7, 0.625, 0.4, 0.25, 0.0], [0.22, 0.21, 0.2, 0.2, 2.0]],
                [[1 / 2, 0.3, 1 / 3, 0.4, 2.0], [5 / 6, 0.3, 4 / 15, 0.4, 2.0]],
            ],
        },
        "vindr_load_class_bboxes_center1": {
            **given,
            "crops": [[0.0, 100.0], [200.0, 0.0]],
            "rescales": [[0.01, 0.01], [0.01, 0.01]],
            "boxes": [[cyst, ribs], [visible]],
        },
        "collate_class_bboxes": {
            "note": "",
            "class_ids": [2, 0],
            "boxes_padded": [[[ribs], [cyst]], [[visible], [nothing]]],
            "mask": [[[True], [True]], [[True], [False]]],
        },
    }


def _square() -> dict:
    case = {
        "image": [[0.0, 0.0], [0.2, 0.4], [0.6, 0.8], [1.0, 1.0]],
        "boxes": [[0.5, 0.05, 1.0, 0.1], [0.5, 0.5, 1.0, 0.25]],  # the first lies above the square
        "out_image": [[(0.5 - 0.505) / 0.248]],
        "out_boxes": [[0.5, 0.5, 1.0, 0.5]],
        "out_labels": [1],
    }
    return {"note": "", "cases": [case]}
