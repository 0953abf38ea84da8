"""VinDr-CXR 1.0.0: DICOM images, boxes and image labels of radiologists (https://physionet.org/content/vindr-cxr).

Three radiologists per training image become one set of labels and boxes; the test images, already a consensus, are
halved into validate and test.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from functools import cache, cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from chex.records import Annotations, PathologyBox, PathologyLabel, Study
from chex.vocabulary import load
from pipelines.adapters import SourceError, UnusableInput
from pipelines.consensus import fuse_boxes, majority_labels
from pipelines.freed_memory import release_freed_memory
from pipelines.raw.boxes import box_numbers, checked_box
from pipelines.raw.folder import RawFolder
from pipelines.raw.keyed_rows import KeyedRows
from pipelines.raw.table_checks import require_identifiers, require_rows, require_unique
from pipelines.splits import halved

BOX_COLUMNS = ("image_id", "class_name", "x_min", "y_min", "x_max", "y_max")
NOTHING = "vindr/No finding"
SPELLINGS = {"other diseases": "other disease"}  # the training file's spelling of the test file's name
_VOTES = {"1": 1, "1.0": 1, "0": 0, "0.0": 0}
_UNREADABLE = 255


class Source:
    """The dataset below one folder: train/, test/ and annotations/; one of the two parts may be missing."""

    datasets = ("vindr-cxr",)

    def __init__(self, root: str) -> None:
        self._folder = RawFolder(root)

    def check(self) -> None:
        if not self._parts:
            raise SourceError(
                f"{self._folder.root}: expected the folders train or test beside annotations; "
                f"found {', '.join(self._folder.names()[:8]) or 'nothing'}"
            )
        for part in self._parts:
            reader = ("rad_id",) if part == "train" else ()
            self._folder.columns([_boxes_file(part)], (*reader, *BOX_COLUMNS))
            found = self._folder.columns([_labels_file(part)], ("image_id", *reader))
            missing = set(load().labels_of("vindr-image")) - {_label(name) for name in found}
            if missing:
                raise SourceError(
                    f"{self._folder.uri(_labels_file(part))}: missing the columns {', '.join(sorted(missing))}; "
                    f"found {', '.join(found)}"
                )
        _ = self._boxes, self._votes  # whatever is wrong with a table as a whole is found before anything is converted

    def studies(self) -> Iterator[Study]:
        for part in self._parts:
            images = self._votes[part][1].keys()
            halves = halved(f"vindr-cxr/{image_id}" for image_id in images)
            for image_id in images:
                yield Study(
                    dataset="vindr-cxr",
                    split="train" if part == "train" else halves[f"vindr-cxr/{image_id}"],
                    patient_id=image_id,  # patients are not told apart; every image is another one
                    study_id=image_id,
                    image_id=image_id,
                    uri=self._folder.uri(f"{part}/{image_id}.dicom"),
                )

    def left_out(self) -> dict[str, int]:
        unlabelled = [
            image for part in self._parts for image in set(self._boxes[part].keys()) - set(self._votes[part][1].keys())
        ]
        return {"boxes of an image without image labels": len(unlabelled)} if unlabelled else {}

    def annotations(self, study: Study, height: int, width: int) -> Annotations:
        part = "train" if study.split == "train" else "test"
        boxes = defaultdict(list)
        for row in self._boxes[part][study.image_id]:
            label = _label(row["class_name"])
            if label != NOTHING:
                corners = box_numbers(tuple(row[column] for column in BOX_COLUMNS[2:]))
                boxes[label].append((row.get("rad_id", "consensus"), checked_box(corners, height, width)))
        labels, votes_of = self._votes[part]
        votes = [dict(zip(labels, row["votes"], strict=True)) for row in votes_of[study.image_id]]
        if unreadable := [label for vote in votes for label, value in vote.items() if value == _UNREADABLE]:
            raise UnusableInput("annotate", f"an image label is 0 or 1; found something else for {unreadable[0]}")
        return Annotations(
            pathology_boxes=tuple(
                PathologyBox(label, box, readers)
                for label, drawn in sorted(boxes.items())
                for box, readers in _fuse(part, drawn)
            ),
            pathology_labels=tuple(PathologyLabel(label, value) for label, value in majority_labels(votes).items()),
        )

    @cached_property
    def _parts(self) -> list[str]:
        return [part for part in ("train", "test") if part in self._folder.names()]

    @cached_property
    def _boxes(self) -> dict[str, KeyedRows]:
        """Per part, the table's rows by image, "No finding" among them."""
        found = {}
        for part in self._parts:
            reader = ("rad_id",) if part == "train" else ()
            repetitive = (*reader, "class_name")
            rows = self._folder.batches([_boxes_file(part)], (*reader, *BOX_COLUMNS))
            found[part] = KeyedRows((self._known(part, batch) for batch in rows), "image_id", repetitive=repetitive)
            release_freed_memory()  # what was read; the worker lives on
        return found

    @cached_property
    def _votes(self) -> dict[str, tuple[tuple[str, ...], KeyedRows]]:
        """Per part: the labels, and by image a row per reader with one byte per label: 0, 1 or _UNREADABLE."""
        found = {}
        for part in self._parts:
            place, reader = self._folder.uri(_labels_file(part)), ("rad_id",) if part == "train" else ()
            columns = {_label(name): name for name in self._folder.header([_labels_file(part)]) if _label(name)}
            labels = tuple(label for label in load().labels_of("vindr-image") if label in columns)
            names = ["image_id", *reader, *(columns[label] for label in labels)]
            keys = 1 + len(reader)
            table = pa.Table.from_batches(
                pa.record_batch([*batch.columns[:keys], *map(_coded, batch.columns[keys:])], names=names)
                for batch in self._folder.batches([_labels_file(part)], names)
            )
            if self._folder.names(part):
                require_rows(place, table)
            require_identifiers(place, table, ["image_id"])
            table = require_unique(place, table, names[:keys])
            votes = np.stack([table[name].to_numpy() for name in names[keys:]], axis=1)
            packed = pa.Array.from_buffers(pa.binary(len(labels)), len(votes), [None, pa.py_buffer(votes)])
            rows = pa.record_batch([table["image_id"].combine_chunks(), packed], names=["image_id", "votes"])
            found[part] = labels, KeyedRows([rows], "image_id")
            del table, votes, packed, rows
            release_freed_memory()
        return found

    def _known(self, part: str, batch: pa.RecordBatch) -> pa.RecordBatch:
        for name in batch["class_name"].unique().to_pylist():
            if _label(name) is None:
                raise SourceError(
                    f"{self._folder.uri(_boxes_file(part))}: column 'class_name': unknown class {name[:40]!r}"
                )
        return batch


def _coded(column: pa.Array) -> pa.Array:
    position = pc.index_in(pc.utf8_trim_whitespace(column), value_set=pa.array(list(_VOTES)))
    values = np.array([*_VOTES.values(), _UNREADABLE], np.uint8)
    return pa.array(values[pc.fill_null(position, len(_VOTES)).to_numpy()])


def _boxes_file(part: str) -> str:
    return f"annotations/annotations_{part}.csv"


def _labels_file(part: str) -> str:
    return f"annotations/image_labels_{part}.csv"


def _label(name: str) -> str | None:
    """The label of a class or column name however it is spelled; None for a name that is none."""
    folded = " ".join(name.lower().split())
    return _labels().get(SPELLINGS.get(folded, folded))


@cache
def _labels() -> dict[str, str]:
    return {label.partition("/")[2].lower(): label for label in load().labels_of("vindr-image")}


def _fuse(part: str, drawn: list[tuple[str, tuple]]) -> list[tuple[tuple, int]]:
    # the test boxes are a consensus already: two that overlap are two findings
    if part == "test":
        return [(box, 1) for _, box in drawn]
    return fuse_boxes([box for _, box in drawn], [reader for reader, _ in drawn])
