"""MIMIC-CXR 2.0.0's DICOM images (https://physionet.org/content/mimic-cxr), with the tables of MIMIC-CXR-JPG.

The tables lie beside `files/`, or in the folder of a source `mimic-cxr-jpg` given too, whose JPEG images then stay
unused.
"""

from __future__ import annotations

import pyarrow as pa

from chex.records import Annotations, Study
from pipelines.adapters import AnnotationSource, LeftOut, SourceError, mimic_cxr_jpg
from pipelines.raw.table_checks import spelled

RECORDS = ("cxr-record-list.csv.gz", "cxr-record-list.csv")


class Source(mimic_cxr_jpg.Source):
    """Images of a MIMIC-CXR folder; the view is the metadata table's or, where that gives none, the DICOM header's."""

    image_suffix = ".dcm"

    def takes_over(self, other: AnnotationSource) -> bool:
        if type(other) is not mimic_cxr_jpg.Source:
            return False
        self.tables = other.folder
        return True

    def check(self) -> None:
        try:
            super().check()
        except SourceError as fault:
            raise SourceError(
                f"{fault} (the tables of splits and labels belong to MIMIC-CXR-JPG: put them beside files/, or give "
                "that download, too, as --source mimic-cxr-jpg=PATH)"
            ) from fault

    def annotations(self, study: Study, height: int, width: int) -> Annotations | None:
        if study.view not in mimic_cxr_jpg.FRONTAL_VIEWS:
            raise LeftOut(f"view {spelled(study.view or '')} in the DICOM header, neither AP nor PA")
        return super().annotations(study, height, width)

    def _may_be_used(self, view: str) -> bool:
        return not view or super()._may_be_used(view)

    def _listed(self) -> pa.Table:
        # the metadata table lists the same images, and spares decoding a third of them only to find a lateral view
        if any(self.tables.exists(name) for name in mimic_cxr_jpg.table_names("metadata")):
            return super()._listed()
        records = self._keyed(self.folder, RECORDS, ("dicom_id", "subject_id", "study_id"), "dicom_id", empty=True)
        return records.append_column("ViewPosition", pa.array([""] * len(records)))
