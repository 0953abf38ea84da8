"""Several readers become one: boxes by weighted box fusion, labels by majority; a consensus stays as it is."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from chex.vocabulary import load
from pipelines.adapters import open_source
from pipelines.consensus import majority_labels
from tests.parity.cases import Case
from tests.parity.comparison import Compared, NotCompared
from tests.parity.pyfuncs.recorded_readers import EDGES, SET, Row, drawn_boxes, fused_rows, in_order_of, upright
from tests.parity.registry import Found, check

NOT_UPRIGHT = NotCompared("a box that is not drawn from its top left is refused with its image")


@check("vindr_fuse_boxes")
def vindr_fuse_boxes(case: Case) -> Found:
    found: dict = {
        "extra.note": NotCompared("a remark"),
        "extra.input": NotCompared("what the case is given"),
        "extra.fused": NotCompared("compared image by image below"),
        "extra.concatenated": NotCompared("compared image by image below"),
    }
    rows, fused, concatenated = (case.extra[name] for name in ("input", "fused", "concatenated"))
    found["images"] = (sorted({row["image_id"] for row in rows}), sorted(fused))
    for image, recorded in fused.items():
        # a class's only box is recorded as it is drawn, also from its bottom right or without an area
        turned = [(*_turned(row[:4]), row[4]) for row in recorded]
        expected = [row for row in turned if row[0] < row[2] and row[1] < row[3]]
        if len(expected) < len(turned):
            found[f"{image}.no_area"] = NotCompared("a box without an area is dropped here, later on there")
        found[f"{image}.fused"] = Compared(in_order_of(expected, fused_rows(rows, image)), expected, kind="forward")
    ours = _consensus(rows, list(concatenated))
    for image, recorded in concatenated.items():
        expected = [row for row in recorded if _turned(row[:4]) == tuple(row[:4])]
        if len(expected) < len(recorded):
            found[f"{image}.not_upright"] = NOT_UPRIGHT
        found[f"{image}.concatenated"] = Compared(in_order_of(expected, ours[image]), expected, kind="forward")
    return found


@check("vindr_majority_vote")
def vindr_majority_vote(case: Case) -> Found:
    votes = defaultdict(list)
    for row in case.extra["input"]:
        votes[row["image_id"]].append({key: vote for key, vote in row.items() if key not in ("image_id", "rad_id")})
    ours = {image: majority_labels(readers) for image, readers in votes.items()}
    return {
        "extra.input": NotCompared("what the case is given"),
        "extra.output": Compared(ours, case.extra["output"], kind="exact"),
    }


def _turned(box: Sequence[float]) -> tuple[float, ...]:
    return min(box[0], box[2]), min(box[1], box[3]), max(box[0], box[2]), max(box[1], box[3])


def _consensus(rows: Sequence[Mapping[str, Any]], images: Sequence[str]) -> dict[str, list[Row]]:
    """Rows of boxes that are a consensus already, read from the dataset's own files; those not upright are left out."""
    drawn = [row for row in drawn_boxes(rows) if upright(row)]
    # recorded boxes may lie outside any image, where a source refuses them: the frame is as large as they need
    low = min((row[edge] for row in drawn for edge in EDGES), default=0)
    size = max((row[edge] for row in drawn for edge in EDGES), default=1) - low
    with TemporaryDirectory() as folder:
        (Path(folder) / "test").mkdir()
        (Path(folder) / "annotations").mkdir()
        names = [label.partition("/")[2] for label in load().labels_of("vindr-image")]
        votes = [(image, *[0] * len(names)) for image in images]
        _write(Path(folder, "annotations", "image_labels_test.csv"), [("image_id", *names), *votes])
        corners = [(row["image_id"], row["class_name"], *(row[edge] - low for edge in EDGES)) for row in drawn]
        _write(Path(folder, "annotations", "annotations_test.csv"), [("image_id", "class_name", *EDGES), *corners])
        source = open_source("vindr-cxr", folder)
        studies = {study.image_id: study for study in source.studies()}
        found = {image: source.annotations(studies[image], size, size).pathology_boxes for image in images}
    return {
        image: [(*(edge * size + low for edge in one.box), f"{SET}{one.label.removeprefix('vindr/')}") for one in boxes]
        for image, boxes in found.items()
    }


def _write(path: Path, rows: Sequence[Sequence[Any]]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
