"""MS-CXR 0.1, 1.0 and 1.1: phrases with boxes on MIMIC-CXR images (https://physionet.org/content/ms-cxr).

Its images never train. Those that MIMIC-CXR trains on validate or test instead, and the other images of their patients
are left out. MS-CXR 1.1 says which images test; all its others validate. Before 1.1 the patients are halved.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field, replace
from functools import cached_property

from chex.records import Annotations, GroundedPhrase, Study
from chex.vocabulary import load
from pipelines.adapters import LeftOut, SourceError, UnusableInput
from pipelines.adapters.mimic_cxr_jpg import DATASET
from pipelines.raw.boxes import box_numbers, checked_box
from pipelines.raw.folder import RawFolder, rows
from pipelines.raw.table_checks import listed, require_identifiers
from pipelines.splits import halved

COLUMNS = ("category_name", "label_text", "path", "dicom_id", "image_width", "image_height", "x", "y", "w", "h")
USUAL_NAME = "MS_CXR_Local_Alignment_v1.1.0.csv"
_NAME = re.compile(r"MS_CXR_Local_Alignment_v[\d.]+\.csv")
_PATIENT = re.compile(r"(?:^|/)p\d\d/p(\d+)/s\d+/")
_SPLITS = ("train", "val", "validate", "validation", "test")


@dataclass(slots=True)
class _Image:
    patient_id: str
    rows: list[dict[str, str]] = field(default_factory=list)


class Source:
    """Rows of the alignment table by image; several boxes of a phrase are one GroundedPhrase."""

    datasets = (DATASET,)

    def __init__(self, root: str) -> None:
        self.folder = RawFolder(root)

    def check(self) -> None:
        _ = self._images, self._split_of

    def placed(self, study: Study) -> Study:
        if study.split != "train" or study.patient_id not in self._split_of:
            return study
        if study.image_id not in self._images:
            raise LeftOut("training image of a patient with images in MS-CXR, which validate or test")
        return replace(study, split=self._split_of[study.patient_id])

    def annotations(self, study: Study, height: int, width: int) -> Annotations | None:
        if study.image_id not in self._images:
            return None
        phrases = defaultdict(dict)  # keys are a set that keeps its order
        for row in self._images[study.image_id].rows:
            # the table's own frame: the boxes hold for copies of another size, too
            frame_width, frame_height = _positive(row, "image_width"), _positive(row, "image_height")
            x, y, box_width, box_height = box_numbers([row[name] for name in ("x", "y", "w", "h")])
            box = checked_box((x, y, x + box_width, y + box_height), frame_height, frame_width)
            phrase = " ".join(row["label_text"].split())
            if not phrase:
                raise UnusableInput("annotate", f"{self._name}: expected a phrase in label_text; found none")
            phrases[phrase, self._label(row["category_name"])][box] = None
        return Annotations(
            grounded=tuple(GroundedPhrase(phrase, tuple(boxes), label) for (phrase, label), boxes in phrases.items())
        )

    @cached_property
    def _name(self) -> str:
        found = sorted(name for name in self.folder.names() if _NAME.fullmatch(name))
        return found[-1] if found else self.folder.first_of([USUAL_NAME])

    @cached_property
    def _has_splits(self) -> bool:
        return "split" in self.folder.columns([self._name], COLUMNS)

    @cached_property
    def _images(self) -> dict[str, _Image]:
        """By image: whose it is, and its rows.

        Raises:
            SourceError: a row whose image, patient, category or split cannot be told.
        """
        place = self.folder.uri(self._name)
        table = self.folder.table([self._name], (*COLUMNS, "split") if self._has_splits else COLUMNS)
        require_identifiers(place, table, ["dicom_id"])
        images: dict[str, _Image] = {}
        for number, row in enumerate(rows(table), start=1):
            patient = _PATIENT.search(row["path"])
            if not patient:
                raise SourceError(
                    f"{place}: column 'path': expected files/p10/p10000032/s50414267/…; found something else in row {number}"
                )
            if self._label(row["category_name"]) is None:
                known = ", ".join(label.partition("/")[2] for label in load().labels_of("ms-cxr"))
                raise SourceError(
                    f"{place}: column 'category_name': expected one of {known}; found another in row {number}"
                )
            if self._has_splits and row["split"] not in _SPLITS:
                raise SourceError(
                    f"{place}: column 'split': expected {', '.join(_SPLITS)}; "
                    f"found {listed([row['split']])} in row {number}"
                )
            image = images.setdefault(row["dicom_id"], _Image(patient[1]))
            if image.patient_id != patient[1]:
                raise SourceError(
                    f"{place}: column 'path': row {number} names another patient than an earlier row of its image"
                )
            image.rows.append(row)
        return images

    @cached_property
    def _split_of(self) -> dict[str, str]:
        """Where the images of a patient go that MIMIC-CXR trains on."""
        patients = {image.patient_id for image in self._images.values()}
        if not self._has_splits:
            return halved(patients)
        tested = {
            image.patient_id for image in self._images.values() if any(row["split"] == "test" for row in image.rows)
        }
        return {patient: "test" if patient in tested else "validate" for patient in patients}

    @staticmethod
    def _label(category: str) -> str | None:
        known = {label.partition("/")[2].lower(): label for label in load().labels_of("ms-cxr")}
        return known.get(" ".join(category.lower().split()))


def _positive(row: dict[str, str], column: str) -> float:
    try:
        number = float(row[column])
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise UnusableInput("annotate", f"expected a number of pixels in {column}; found {listed([row[column]])}")
    return number
