"""MIMIC-CXR-JPG 2.0.0 / 2.1.0: frontal images with their splits and CheXpert labels.

https://physionet.org/content/mimic-cxr-jpg
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from chex.records import Annotations, PathologyLabel, Study
from chex.vocabulary import load
from pipelines.adapters import SourceError
from pipelines.freed_memory import release_freed_memory
from pipelines.raw.folder import RawFolder
from pipelines.raw.table_checks import listed, require_identifiers, require_rows, require_unique, spelled

DATASET = "mimic-cxr"
FRONTAL_VIEWS = ("AP", "PA")
_SPLITS = ("train", "validate", "test")
_VALUES = {"1.0": 1, "1": 1, "0.0": 0, "0": 0, "-1.0": -1, "-1": -1}
_NOT_MENTIONED = 9
_ROWS_AT_ONCE = 8192


def table_names(table: str) -> tuple[str, str]:
    return f"mimic-cxr-2.0.0-{table}.csv.gz", f"mimic-cxr-2.0.0-{table}.csv"


def study_folder(patient_id: str, study_id: str) -> str:
    """Where a study's images lie, and its report with `.txt` behind: "files/p10/p10000032/s50414267"."""
    return f"files/p{patient_id[:2]}/p{patient_id}/s{study_id}"


class Source:
    """Images of a MIMIC-CXR-JPG folder (ViewPosition AP or PA), labelled by study."""

    datasets = (DATASET,)
    image_suffix = ".jpg"
    _metadata_columns = ("dicom_id", "subject_id", "study_id", "ViewPosition")
    _split_columns = ("dicom_id", "split")

    def __init__(self, root: str) -> None:
        self.folder = RawFolder(root)
        self.tables = self.folder  # where the tables lie
        self._left_out: Counter[str] = Counter()

    def check(self) -> None:
        if not self.folder.exists("files"):
            self.folder.check()
            raise SourceError(f"{self.folder.root}: expected the folder files; found {listed(self.folder.names(), 8)}")
        self._listed()
        self._splits()
        self.tables.columns(table_names("chexpert"), self._label_columns)
        _ = self._labels  # a value that is no label is found before anything is converted

    def studies(self) -> Iterator[Study]:
        self._left_out.clear()
        images, splits = self._listed(), self._splits()
        known = pc.is_in(splits["dicom_id"], value_set=images["dicom_id"].combine_chunks())
        if unknown := len(known) - pc.sum(known).as_py():
            self._left_out["listed in the split table only"] += unknown
        # a join of Arrow's takes five times the memory of the tables
        found = pc.index_in(images["dicom_id"], value_set=splits["dicom_id"].combine_chunks())
        images = images.append_column("split", splits["split"].take(found))
        order = pc.sort_indices(images, [(name, "ascending") for name in ("subject_id", "study_id", "dicom_id")])
        del splits, found
        for image in (row for some in _in_parts(order) for row in images.take(some).to_pylist()):
            reason = self._reason_against(image)
            if reason:
                self._left_out[reason] += 1
                continue
            patient, study, dicom = image["subject_id"], image["study_id"], image["dicom_id"]
            yield Study(
                dataset=DATASET,
                split=image["split"],
                patient_id=patient,
                study_id=study,
                image_id=dicom,
                uri=self.folder.uri(f"{study_folder(patient, study)}/{dicom}{self.image_suffix}"),
                view=image["ViewPosition"] or None,
            )

    @property
    def splits_from(self) -> str:
        """Where a split that cannot be is to be mended."""
        return f"column 'split' of {self.tables.uri(self.tables.first_of(table_names('split')))}"

    def left_out(self) -> dict[str, int]:
        return dict(self._left_out)

    def annotations(self, study: Study, height: int, width: int) -> Annotations | None:
        studies, values = self._labels
        number = int(study.study_id)
        position = int(np.searchsorted(studies, number))
        if position == len(studies) or studies[position] != number:
            return None
        labels = tuple(
            PathologyLabel(label, int(value))
            for label, value in zip(load().labels_of("chexpert"), values[position], strict=True)
            if value != _NOT_MENTIONED
        )
        return Annotations(pathology_labels=labels) if labels else None

    def _listed(self) -> pa.Table:
        """All images with their ids and views."""
        return self._keyed(self.tables, table_names("metadata"), self._metadata_columns, "dicom_id", empty=True)

    def _splits(self) -> pa.Table:
        return self._keyed(self.tables, table_names("split"), self._split_columns, "dicom_id")

    def _may_be_used(self, view: str) -> bool:
        return view in FRONTAL_VIEWS

    def _reason_against(self, image: dict[str, str | None]) -> str | None:
        if not self._may_be_used(image["ViewPosition"]):
            return f"view {spelled(image['ViewPosition'])}, neither AP nor PA"
        if not (image["dicom_id"] and image["subject_id"] and image["study_id"]):
            return "metadata row without dicom_id, subject_id or study_id"
        if image["split"] is None:
            return "not listed in the split table"
        if image["split"] not in _SPLITS:
            return f"split {spelled(image['split'])}, none of {', '.join(_SPLITS)}"
        return None

    @staticmethod
    def _keyed(
        folder: RawFolder, names: Sequence[str], columns: tuple[str, ...], key: str, *, empty: bool = False
    ) -> pa.Table:
        """A table with one row for each key; numbers of patients and studies are digits, or it would join nothing."""
        return _checked(folder.uri(folder.first_of(names)), folder.table(names, columns), key, empty=empty)

    @property
    def _label_columns(self) -> tuple[str, ...]:
        return ("study_id", *(label.split("/", 1)[1] for label in load().labels_of("chexpert")))

    @cached_property
    def _labels(self) -> tuple[np.ndarray, np.ndarray]:
        """(S,) sorted study numbers and (S, 14) values 1, 0, -1, or 9 for labels that the report does not mention."""
        place, names = self.tables.uri(self.tables.first_of(table_names("chexpert"))), self._label_columns[1:]
        numbers, coded = [np.empty(0, np.int64)], [np.empty((0, len(names)), np.int8)]
        rows = 0
        for batch in self.tables.batches(table_names("chexpert"), self._label_columns):
            require_identifiers(place, batch, ["study_id"], digits=True, rows_before=rows)
            numbers.append(_as_number(place, batch["study_id"]))
            coded.append(np.stack([_coded(place, name, batch[name], rows) for name in names], axis=1))
            rows += len(batch)
        studies, values = np.concatenate(numbers), np.concatenate(coded)
        if len(np.unique(studies)) < rows:
            table = pa.table({"study_id": studies.astype(str), **dict(zip(names, values.T, strict=True))})
            table = require_unique(place, table, ["study_id"])
            studies = _as_number(place, table["study_id"])
            values = np.stack([table[name].to_numpy() for name in names], axis=1)
        require_rows(place, studies)
        order = np.argsort(studies)
        found = studies[order], values[order]
        del numbers, coded, studies, values
        release_freed_memory()  # what the table took; the worker lives on
        return found


def _checked(place: str, table: pa.Table, key: str, *, empty: bool = False) -> pa.Table:
    require_rows(place, table)
    numbers = [name for name in table.column_names if name in ("subject_id", "study_id")]
    require_identifiers(place, table, numbers, digits=True, empty=empty)
    require_identifiers(place, table, [name for name in table.column_names if name == "dicom_id"], empty=empty)
    return require_unique(place, table, [key])


def _as_number(place: str, column: pa.Array) -> np.ndarray:
    try:
        return column.cast(pa.int64()).to_numpy()
    except pa.ArrowInvalid as error:
        raise SourceError(f"{place}: column 'study_id': expected a number of at most 18 digits; found more") from error


def _coded(place: str, name: str, column: pa.Array, rows_before: int) -> np.ndarray:
    """Labels as written to int8."""
    found = pc.index_in(column, value_set=pa.array(["", *_VALUES]))
    if found.null_count:
        row = found.is_null().index(True).as_py()
        raise SourceError(
            f"{place}: column {name!r} holds 1.0, 0.0, -1.0 or nothing; "
            f"found {spelled(column[row].as_py())!r} in row {rows_before + row + 1}"
        )
    return np.array([_NOT_MENTIONED, *_VALUES.values()], dtype=np.int8)[found.to_numpy()]


def _in_parts(order: pa.Array) -> Iterator[pa.Array]:
    for start in range(0, len(order), _ROWS_AT_ONCE):
        yield order[start : start + _ROWS_AT_ONCE]
