"""NIH ChestX-ray14: PNG images, image labels read from reports by rules, some boxes (https://nihcc.app.box.com).

The official test list is the test split, and its patients are in no other; about a tenth of the others validates.
"""

from __future__ import annotations

import csv
import io
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cached_property

import pyarrow as pa

from chex.records import Annotations, Box, PathologyBox, PathologyLabel, Study
from chex.vocabulary import load
from pipelines.adapters import SourceError, UnusableInput
from pipelines.raw.boxes import box_numbers, checked_box
from pipelines.raw.folder import RawFolder, rows
from pipelines.raw.table_checks import listed, require_columns, require_identifiers, require_unique
from pipelines.splits import position

ENTRIES = ("Data_Entry_2017_v2020.csv", "Data_Entry_2017.csv")
ENTRY_COLUMNS = ("Image Index", "Finding Labels", "Patient ID", "View Position")
BOXES = "BBox_List_2017.csv"
BOX_COLUMNS = ["Image Index", "Finding Label", "Bbox [x", "y", "w", "h]"]
BOX_FRAME = 1024  # boxes are in pixels of the 1024 x 1024 images, whatever the size of these copies
TRAINING, TEST = "train_val_list.txt", "test_list.txt"
FOLDERS = ("images", *(f"images_{number:03}/images" for number in range(1, 13)))
SPELLINGS = {"Infiltrate": "Infiltration"}  # the box list's spelling of the same class
VALIDATION_SHARE = 0.1


class Source:
    """The dataset below one folder; every one of the 14 labels is 0 or 1 for every image ("No Finding": all 0)."""

    datasets = ("nih-cxr14",)

    def __init__(self, root: str) -> None:
        self._folder = RawFolder(root)
        self._left_out: Counter[str] = Counter()

    def check(self) -> None:
        self._folder.columns(ENTRIES, ENTRY_COLUMNS)
        for name in (BOXES, TRAINING, TEST):
            self._folder.first_of([name])
        if both := self._list(TRAINING) & self._list(TEST):
            raise SourceError(
                f"{self._folder.root}: expected every image in {TRAINING} or in {TEST}; found {len(both)} in both"
            )
        if not any(self._folder.names(folder) for folder in FOLDERS):
            raise SourceError(
                f"{self._folder.root}: expected images in images/ or images_001/images/ to images_012/images/; "
                f"found {listed(self._folder.names(), 8)}"
            )
        _ = self._entries, self._boxes  # whatever is wrong with a table is found before anything is converted

    def studies(self) -> Iterator[Study]:
        self._left_out = Counter()
        training, test = self._list(TRAINING), self._list(TEST)
        if unknown := len((training | test) - set(self._entries["Image Index"].to_pylist())):
            self._left_out[f"listed in {TRAINING} or {TEST} only"] += unknown
        listed_images = {name.rpartition(".")[0] for name in training | test}  # counted above, if they have no labels
        if unlabelled := len(self._boxes.keys() - self._labels.keys() - listed_images):
            self._left_out["boxes of an image without labels"] += unlabelled
        tested = {row["Patient ID"] for row in rows(self._entries) if row["Image Index"] in test}
        folder_of = {name: folder for folder in reversed(FOLDERS) for name in self._folder.names(folder)}
        for row in rows(self._entries):
            name, patient = row["Image Index"], row["Patient ID"]
            if name not in training and name not in test:
                self._left_out[f"in neither {TRAINING} nor {TEST}"] += 1
                continue
            if name in training and patient in tested:  # never in the official lists, but in lists of one's own
                self._left_out[f"training image of a patient with images in {TEST}"] += 1
                continue
            validates = position(f"nih-cxr14/{patient}") < VALIDATION_SHARE
            image_id = name.rpartition(".")[0]
            yield Study(
                dataset="nih-cxr14",
                split="test" if name in test else "validate" if validates else "train",
                patient_id=patient,
                study_id=image_id,  # the follow-up number is part of it: one image per study
                image_id=image_id,
                uri=self._folder.uri(f"{folder_of.get(name, FOLDERS[0])}/{name}"),
                view=row["View Position"] or None,
            )

    def left_out(self) -> dict[str, int]:
        return dict(self._left_out)

    def annotations(self, study: Study, height: int, width: int) -> Annotations:
        found = self._labels[study.image_id].split("|")
        boxes = self._boxes.get(study.image_id, ())
        known = {label.partition("/")[2] for label in load().labels_of("nih")}
        unknown = {*found, *(name for name, _ in boxes)} - known - {"No Finding"}
        if unknown:
            raise UnusableInput("annotate", f"unknown finding label {', '.join(map(repr, sorted(unknown)))}"[:200])
        if "No Finding" in found and len(found) > 1:
            raise UnusableInput("annotate", f"'No Finding' beside other finding labels: {', '.join(sorted(found))}")
        return Annotations(
            pathology_boxes=tuple(PathologyBox(f"nih/{name}", _relative(numbers)) for name, numbers in boxes),
            pathology_labels=tuple(
                PathologyLabel(label, int(label.partition("/")[2] in found)) for label in load().labels_of("nih")
            ),
        )

    @cached_property
    def _entries(self) -> pa.Table:
        table = self._folder.table(ENTRIES, ENTRY_COLUMNS, may_be_empty=False)
        place = self._folder.uri(self._folder.first_of(ENTRIES))
        require_identifiers(place, table, ["Image Index", "Patient ID"])
        return require_unique(place, table, ["Image Index"]).sort_by("Image Index")

    @cached_property
    def _labels(self) -> dict[str, str]:
        return {row["Image Index"].rpartition(".")[0]: row["Finding Labels"] for row in rows(self._entries)}

    @cached_property
    def _boxes(self) -> dict[str, list[tuple[str, list[str]]]]:
        """Per image: (class, the four numbers as written) of every box."""
        boxes = defaultdict(list)
        for name, label, *numbers in self._box_rows():
            boxes[name.rpartition(".")[0]].append((SPELLINGS.get(label, label), numbers[:4]))
        return dict(boxes)

    def _box_rows(self) -> list[list[str]]:
        # the header names four columns and leaves three empty, and some copies' rows have the commas, others not
        try:
            header, *lines = csv.reader(io.StringIO(self._folder.text(BOXES), newline=""), strict=True)
        except csv.Error as error:
            raise SourceError(f"{self._folder.uri(BOXES)}: not a readable CSV table: {error}") from error
        require_columns(self._folder.uri(BOXES), header, BOX_COLUMNS)
        if header[:6] != BOX_COLUMNS:
            raise SourceError(f"{self._folder.uri(BOXES)}: expected the columns in the order {', '.join(BOX_COLUMNS)}")
        return [line + [""] * (len(BOX_COLUMNS) - len(line)) for line in lines if line]

    def _list(self, name: str) -> set[str]:
        return {line for text in self._folder.text(name).splitlines() if (line := text.strip())}


def _relative(numbers: list[str]) -> Box:
    x, y, width, height = box_numbers(numbers)
    return checked_box((x, y, x + width, y + height), BOX_FRAME, BOX_FRAME)
