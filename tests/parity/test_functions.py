"""Functions without a model on a set of other sizes: what is met, and that every recorded value counts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.parity.__main__ import main
from tests.parity.made_up_functions import function_cases, write_functions
from tests.parity.made_up_graphs import graph_case

TENSORS = ("anatomy_bboxes", "anatomy_present_masks", "anatomy_multiboxes", "anatomy_multibox_masks")


def answer(folder: Path, cases: dict, capsys) -> tuple[int, str]:
    return main([str(write_functions(folder, cases)), "--only", "pyfuncs"]), capsys.readouterr().out


def test_a_set_of_other_sizes_is_met(tmp_path, capsys):
    cases = function_cases() | {"cig": graph_case()}
    code, text = answer(tmp_path, cases, capsys)
    assert code == 0, "\n".join(line for line in text.splitlines() if " NO" in line)
    assert text.splitlines()[-1].startswith(f"{len(cases)} cases, ")


@pytest.mark.parametrize(
    "path",
    [
        "fuse_bboxes/cases/0/output/0/2",
        "vindr_fuse_boxes/fused/a/1/0",
        "vindr_fuse_boxes/fused/b/1",
        "vindr_fuse_boxes/concatenated/a/2/3",
        "vindr_majority_vote/output/a/X",
        *(
            f"vindr_load_class_bboxes_center{fit}/{place}"
            for fit in "01"
            for place in ("crops/1/0", "rescales/0/1", "boxes/0/1/3", "boxes/1/0/4", "boxes/1/0")
        ),
        "collate_class_bboxes/boxes_padded/0/1/0/1",
        "collate_class_bboxes/boxes_padded/1/1/0/0",
        "collate_class_bboxes/mask/1/0/0",
        "val_transform_rect_center/cases/0/out_image/0/0",
        "val_transform_rect_center/cases/0/out_boxes/0/3",
        "val_transform_rect_center/cases/0/out_labels/0",
    ],
)
def test_a_changed_value_is_seen(tmp_path, capsys, path):
    cases = function_cases()
    change(cases, path)
    code, text = answer(tmp_path, cases, capsys)
    assert code == 1 and text.splitlines()[-1].endswith(" 1 failed"), text


@pytest.mark.parametrize(
    "path",
    [
        "merged_rows/0/subject_id",
        "merged_rows/0/view",
        "merged_rows/0/anat_has_duplicate_box",
        "merged_rows/0/anatbbox~spine",
        "merged_rows/0/anatcls~cig~disease~goiter~spine",
        "merged_rows/0/anatphrases~abdomen",
        "merged_rows/0",
        *(f"files/chest_imagenome-{name}/1/dicom_id" for name in ("sentences", "observations", "phrase_assignment")),
        "files/chest_imagenome-anat_bboxes/1/anatbbox~carina",
        "files/chest_imagenome-anat_observations/1/anatcls~cig~disease~goiter~spine",
        "files/chest_imagenome-observations/0/cls~cig~disease~goiter",
        "files/chest_imagenome-sentences/0/anatphrases~spine",
        "files/chest_imagenome-phrase_assignment/0/phrase_regions",
        "files/chest_imagenome-phrase_assignment/0/phrase_bboxes",
        "files/duplicated_boxes/0/bbox_name",
        "files/invalid_boxes/0/study_id",
        "files/invalid_boxes/0",
        "box_stats/abdomen",
        "rows_cig_split/0/1",
        "rows_cig_nogoldleak/0/0",
        *(f"tensors_center{fit}/{name}/0/1" for fit in "01" for name in TENSORS),
        "tensors_center1/dicom_id/0",
        "anatomy_class_labels/labels/0/5/1",
        "anatomy_class_labels/sentences/0/1/0",
    ],
)
def test_a_changed_value_of_scene_graphs_is_seen(tmp_path, capsys, path):
    cases = {"cig": graph_case()}
    change(cases, f"cig/{path}")
    assert answer(tmp_path, cases, capsys)[0] == 1


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("fuse_bboxes/cases/0", "again"),
        ("vindr_majority_vote", "agreement"),
        ("collate_class_bboxes", "scores"),
        ("val_transform_rect_center/cases/0", "out_mask"),
        ("cig", "rows_of_another_rule"),
        ("cig/files", "texture.csv"),
        ("cig/merged_rows/0", "age"),
        ("cig/tensors_center0", "anatomy_areas"),
        ("cig/anatomy_class_labels", "weights"),
    ],
)
def test_what_is_not_known_fails(tmp_path, capsys, path, key):
    cases = function_cases() | {"cig": graph_case()}
    at(cases, path)[key] = 1.0
    assert answer(tmp_path, cases, capsys)[0] == 1


def at(cases: Any, path: str) -> Any:
    for step in path.split("/") if path else ():
        cases = cases[int(step) if isinstance(cases, list) else step.replace("~", "/")]
    return cases


def change(cases: dict, path: str) -> None:
    """Another value of the same kind at a place; a list loses its last item, a row goes as a whole."""
    holder, _, step = path.rpartition("/")
    holder = at(cases, holder)
    key = int(step) if isinstance(holder, list) else step.replace("~", "/")
    value = holder[key]
    if isinstance(value, dict | list) and isinstance(holder, list) and not _numbers(value):
        del holder[key]
    else:
        holder[key] = _other(value)


def _numbers(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], bool | int | float) and len(value) == 4


def _other(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1 if isinstance(value, int) else value * 1.01 or 0.01
    if isinstance(value, list):
        return [_other(item) for item in value]
    if value is None:
        return 1.0
    if value[:1] == "[":
        return json.dumps(_other(json.loads(value)) or ["Something else."])
    return f"{value}x"
