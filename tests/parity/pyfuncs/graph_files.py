"""The recorded files beside the joined rows: their parts, statements by phrase, and lists of doubtful boxes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from chex.boxes import merge_overlapping
from pipelines.report_text.sentences import distinct_sentences
from tests.parity.cases import parts_of
from tests.parity.comparison import Compared, NotCompared
from tests.parity.pyfuncs.graph_rows import Row, compared_row
from tests.parity.pyfuncs.recorded_graphs import Converted, Entry, objects

_ROWS = ("anat_bboxes", "anat_observations", "observations", "sentences")


def compared_files(
    files: Mapping[str, Sequence[Row]], ours: Mapping[str, Converted], graphs: Sequence[Entry],
    images: Sequence[Entry], names: Mapping[str, str],
) -> dict[str, Any]:  # fmt: skip
    """Quantities of every file; ValueError for a file that is not known."""
    found: dict[str, Any] = {}
    for file, rows in files.items():
        kind = file.removeprefix("chest_imagenome-")
        if kind in ("duplicated_boxes", "invalid_boxes"):
            found[f"files.{kind}"] = _doubtful(rows, graphs, images, invalid=kind == "invalid_boxes")
            continue
        if kind not in (*_ROWS, "phrase_assignment"):
            raise ValueError(f"a file that nothing is compared with: {file}")
        found[f"files.{kind}"] = (sorted(ours), sorted(row["dicom_id"] for row in rows))
        for row in rows:
            one = ours[row["dicom_id"]]
            parts = _phrases(row, one) if kind == "phrase_assignment" else compared_row(row, one, names)
            found |= {f"files.{kind}.{row['dicom_id']}.{part}": value for part, value in parts.items()}
    return found


def _doubtful(rows: Sequence[Row], graphs: Sequence[Entry], images: Sequence[Entry], *, invalid: bool) -> Any:
    """Regions that our source drops for their box, or finds a second time."""
    size_of = {image["dicom_id"]: (image["H"], image["W"]) for image in images}
    ours = []
    for graph in graphs:
        seen: set[str] = set()
        for name, valid in objects(graph, *size_of[graph["image_id"]]):
            if not valid if invalid else valid and name in seen:
                ours.append([graph["image_id"], graph["patient_id"], graph["study_id"], name])
            if valid:
                seen.add(name)
    # the two headings of ids are exchanged there
    recorded = [[row["dicom_id"], row["study_id"], row["subject_id"], row["bbox_name"]] for row in rows]
    return Compared(sorted(ours), sorted(recorded), kind="exact")


def _phrases(row: Row, ours: Converted) -> dict[str, Any]:
    """Which regions a phrase is said of. Ours keeps the phrases of a region and drops those of one word."""
    names = "dicom_id", "subject_id", "study_id", "unique_phrases", "phrase_bboxes", "phrase_regions", "phrasecls"
    *_, phrases, boxes, regions, _ = parts_of(row, *names)
    phrases, boxes, regions = json.loads(phrases), json.loads(boxes), json.loads(regions)
    recorded = dict(zip(phrases, regions, strict=True))
    sentences = [phrase for phrase in phrases if distinct_sentences([phrase])]
    said_of: dict[str, list[str]] = {}
    for region in sorted(ours.annotations.anatomy, key=lambda region: region.region):
        for sentence in region.sentences:
            said_of.setdefault(sentence, []).append(region.region)
    # there, boxes are merged in the order of a set; merged until all lie apart, no order is left
    merged = {phrase: _merged(found) for phrase, found in zip(phrases, boxes, strict=True) if phrase in sentences}
    found = {
        "ids": compared_row({name: row[name] for name in names[:3]}, ours, {})["ids"],
        "regions": (said_of, {phrase: recorded[phrase] for phrase in sentences}),
        "boxes": Compared(
            {phrase: _merged([ours.boxes[name] for name in names]) for phrase, names in said_of.items()},
            merged, kind="forward", note="merged until all lie apart",
        ),
        "phrasecls": NotCompared("the labels of a phrase: ours keeps those of its regions"),
    }  # fmt: skip
    if len(sentences) < len(phrases):
        found["short"] = NotCompared(f"{len(phrases) - len(sentences)} phrases of one word")
    return found


def _merged(boxes: Sequence[Sequence[float]]) -> list[list[float]]:
    return sorted(merge_overlapping(torch.tensor(boxes, dtype=torch.float64)).tolist())
