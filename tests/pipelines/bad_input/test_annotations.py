"""Annotations of one image that are broken: a row of quarantine for it, with the reason, and rows for all others."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.pipelines.bad_input import bad_tables
from tests.pipelines.converted_sources import convert_small
from tests.pipelines.small_sources import SmallSource, encoded, write_source
from tests.pipelines.small_sources.chest_imagenome import scene_graph

BOXES = {  # kind -> the table, its columns, and whether the last two are width and height; first image with a box
    "ms-cxr": ("MS_CXR_Local_Alignment_v1.0.0.csv", ("x", "y", "w", "h"), True, 4),
    "nih-cxr14": ("BBox_List_2017.csv", ("Bbox [x", "y", "w", "h]"), True, 0),
    "vindr-cxr": ("annotations/annotations_train.csv", ("x_min", "y_min", "x_max", "y_max"), False, 0),
}
BAD_BOXES = {  # x_min, y_min, x_max, y_max as written; what the reason says
    "not a number": (("nan", "5", "10", "10"), "a box needs four finite numbers; found 'nan', '5', "),
    "infinite": (("5", "-inf", "10", "10"), "a box needs four finite numbers"),
    "a word": (("left", "5", "10", "10"), "a box needs four numbers; found 'left', '5', "),
    "nothing": (("", "", "", ""), "a box needs four numbers; found '', '', '', ''"),
    "digits in groups": (("1_0", "5", "12", "10"), "a box needs four numbers; found '1_0'"),
    "x_min > x_max": (("30", "5", "10", "10"), "a box needs x_min < x_max and y_min < y_max; found 30, 5, 10, 10"),
    "of no height": (("5", "5", "10", "5"), "a box needs x_min < x_max and y_min < y_max; found 5, 5, 10, 5"),
    "negative": (
        ("-30", "-30", "-10", "-10"),
        r"a box lies outside the image of \d+ x \d+ pixels; found x and y -30, ",
    ),
    "from before the image": (("-30", "5", "10", "10"), "a box lies outside the image"),
    "beyond the image": (("5000", "5", "5100", "10"), "a box lies outside the image"),
    "to beyond the image": (("5", "5", "1e9", "10"), "a box lies outside the image"),
}


@pytest.mark.parametrize("kind", BOXES)
@pytest.mark.parametrize("fault", BAD_BOXES)
def test_boxes(kind, fault, tmp_path):
    small = write_source(kind, tmp_path)
    table, columns, sized, first = BOXES[kind]
    values, expected = BAD_BOXES[fault]
    if sized and expected.startswith("a box needs x_min") or sized and "outside" in expected:
        x, y, right, bottom = map(float, values)
        values = tuple(f"{value:g}" for value in (x, y, right - x, bottom - y))
    for column, value in zip(columns, values, strict=True):
        bad_tables.set_cell(small.root / table, column, value)
    check(small, small.images[first], f"annotate: {expected}")


def check(small: SmallSource, image: Path, expected: str) -> None:
    """The one image goes to quarantine for this reason, and all others become rows."""
    result = convert_small(small, small.root.parent / "shards")
    reason = result.reason_of(image)
    assert reason and re.search(expected, reason), f"{reason}, {[row['reason'] for row in result.quarantine]}"
    assert len(result.quarantine) == 1 and len(result.images()) == len(small.images) - 1


def graph(**changes: object) -> Callable[[Path], object]:
    return lambda path: path.write_text(json.dumps(scene_graph() | changes))


def content(data: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(data)


def giant(path: Path) -> None:
    with path.open("wb") as sparse:
        sparse.truncate(2**27)


def folder_instead(path: Path) -> None:
    path.unlink()
    path.mkdir()


def without(key: str) -> Callable[[Path], object]:
    return lambda path: path.write_text(json.dumps({k: v for k, v in scene_graph().items() if k != key}))


OBJECT = scene_graph()["objects"][0]
STATEMENT = scene_graph()["attributes"][0]
BAD_GRAPHS = {
    "empty": (content(b""), "Expecting value"),
    "cut in half": (lambda path: path.write_bytes(path.read_bytes()[:150]), "line 1 column"),
    "nested 100,000 deep": (content(b"[" * 100_000), "recursion"),
    "nested in an object": (content(b'{"objects":' * 100_000), "recursion"),
    "a list": (content(b"[]"), "expected an object of keys and values; found list"),
    "a number": (content(b"17"), "expected an object of keys and values; found int"),
    "a picture": (content(encoded(".jpg")), "_SceneGraph.json: "),
    "128 MB": (giant, "134,217,728 bytes"),
    "a folder": (folder_instead, "cannot be opened: IsADirectoryError"),
    "no objects": (without("objects"), "the key 'objects' is missing"),
    "no attributes": (without("attributes"), "the key 'attributes' is missing"),
    "no viewpoint": (without("viewpoint"), "the key 'viewpoint' is missing"),
    "objects that are none": (graph(objects=[1, 2]), "_SceneGraph.json: "),
    "objects as a number": (graph(objects=5), "_SceneGraph.json: "),
    "corners of NaN": (graph(objects=[OBJECT | {"original_x1": float("nan")}]), "four finite numbers; found nan"),
    "a corner of 1e999": (content(json.dumps(scene_graph()).replace(": 5,", ": 1e999,").encode()), "found inf"),
    "corners as a list": (graph(objects=[OBJECT | {"original_x1": [1]}]), r"four numbers; found \[1\]"),
    "corners as truth": (graph(objects=[OBJECT | {"original_x1": True}]), "four numbers; found True"),
    "a corner of 400 digits": (graph(objects=[OBJECT | {"original_x1": 9**400}]), "four numbers; found 4977"),
    "a corner of 5,000 digits": (content(b'{"objects": [%s]}' % (b"9" * 5000)), "_SceneGraph.json: "),
    "phrases as a text": (graph(attributes=[STATEMENT | {"phrases": "abc"}]), "'phrases' holds a list of texts"),
    "phrases of numbers": (graph(attributes=[STATEMENT | {"phrases": [1]}]), "'phrases' holds a list of texts"),
    "findings without bars": (graph(attributes=[STATEMENT | {"attributes": [["x"]]}]), "_SceneGraph.json: "),
    "findings as numbers": (graph(attributes=[STATEMENT | {"attributes": [[1]]}]), "_SceneGraph.json: "),
}
BAD_REPORTS = {
    "empty": (content(b""), "expected UTF-8 or Latin-1 text; found an empty file"),
    "UTF-16": (content("FINDINGS: Normal.".encode("utf-16")), "found bytes that are no text"),
    "a picture": (content(encoded(".jpg")), "found bytes that are no text"),
    "128 MB": (giant, "134,217,728 bytes"),
    "a folder": (folder_instead, "cannot be opened: IsADirectoryError"),
}


@pytest.mark.parametrize("fault", BAD_GRAPHS)
def test_scene_graphs(fault, tmp_path):
    small = write_source("chest-imagenome", tmp_path)
    change, expected = BAD_GRAPHS[fault]
    change(small.annotations[0])
    check(small, small.images[0], f"annotate: .*{expected}")


@pytest.mark.parametrize("fault", BAD_REPORTS)
def test_reports(fault, tmp_path):
    small = write_source("mimic-cxr-reports", tmp_path)
    change, expected = BAD_REPORTS[fault]
    change(small.annotations[0])
    check(small, small.images[0], f"annotate: .*{expected}")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"xml": b"<eCitation><a>"}, "expected a whole XML document"),
        ({"xml": b""}, "expected a whole XML document"),
        ({"xml": b"<html></html>"}, "expected a report, <eCitation>; found <html>"),
        ({"xml": b"<a>" * 100_000}, "expected a whole XML document"),
        ({"xml": b'<!DOCTYPE a [<!ENTITY b "c">]><eCitation>&b;</eCitation>'}, "expected XML without DTD and entities"),
    ],
)
def test_reports_of_open_i(change, expected, tmp_path):
    small = write_source("open-i", tmp_path)
    small.annotations[0].write_bytes(change["xml"])
    check(small, small.images[0], f"annotate: .*{expected}")


@pytest.mark.parametrize(
    ("value", "expected"), [("Rickets", "label 'Rickets'"), ("", "label ''"), ("No Finding|Mass", "beside")]
)
def test_labels_of_nih(value, expected, tmp_path):
    small = write_source("nih-cxr14", tmp_path)
    bad_tables.set_cell(small.root / "Data_Entry_2017_v2020.csv", "Finding Labels", value)
    check(small, small.images[0], f"annotate: .*{expected}")


@pytest.mark.parametrize("value", ["maybe", "", "2", "-1", "0.5"])
def test_labels_of_vindr(value, tmp_path):
    small = write_source("vindr-cxr", tmp_path)
    bad_tables.set_cell(small.root / "annotations/image_labels_train.csv", "COPD", value)
    check(small, small.images[0], "annotate: an image label is 0 or 1; found something else for vindr/COPD")
