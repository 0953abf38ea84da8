"""MIMIC-CXR 2.0.0's free-text reports: sentences and indication of a study, for all of its images.

https://physionet.org/content/mimic-cxr; the reports lie in `files/`, or in mimic-cxr-reports.zip as downloaded.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from importlib import resources
from itertools import islice

from chex.records import Annotations, Study
from pipelines.adapters import LeftOut, SourceError, UnusableInput
from pipelines.adapters.mimic_cxr_jpg import DATASET, study_folder
from pipelines.raw.archive import SmallFiles
from pipelines.raw.folder import RawFolder
from pipelines.reports import parse

ARCHIVE = "mimic-cxr-reports.zip"
_LOOKED_INTO = 20


@cache
def irregular_reports() -> frozenset[str]:
    """Ids of the studies whose report has no usable layout, as listed by MIMIC-CXR's own section parser."""
    return frozenset(
        json.loads(resources.files(__package__).joinpath("mimic_irregular_reports.json").read_text(encoding="utf-8"))
    )


class Source:
    """Report files by study: `files/p10/p10000032/s50414267.txt`."""

    datasets = (DATASET,)

    def __init__(self, root: str) -> None:
        self.folder = RawFolder(root)
        self._reports = SmallFiles(self.folder, folder_name="files", archive_name=ARCHIVE)

    def check(self) -> None:
        self._reports.check()
        if not self._reports.is_archive and not any(name.endswith(".txt") for name in self._first_names()):
            raise SourceError(
                f"{self.folder.uri('files')}: expected reports such as p10/p10000032/s50414267.txt, or {ARCHIVE} beside "
                f"it; the folders of the first {_LOOKED_INTO} patients hold none"
            )

    def annotations(self, study: Study, height: int, width: int) -> Annotations | None:
        if study.study_id in irregular_reports():
            raise LeftOut("report with an irregular layout, listed by MIMIC-CXR's section parser")
        path = study_folder(study.patient_id, study.study_id).removeprefix("files/") + ".txt"
        content = self._reports.read(path)
        if content is None:
            return None
        if not content.strip() or b"\0" in content:
            found = "bytes that are no text" if content.strip() else "an empty file"
            raise UnusableInput("annotate", f"the report: expected UTF-8 or Latin-1 text; found {found}")
        report = parse(_decoded(content))
        if not report.sentences and report.indication is None:
            return None
        return Annotations(sentences=report.sentences, indication=report.indication)

    def _first_names(self) -> Iterator[str]:
        """What lies in the folders of some patients: with images only, the folder looks just as right."""
        groups = [f"files/{group}" for group in self.folder.names("files")[:2]]
        patients = (f"{group}/{patient}" for group in groups for patient in self.folder.names(group))
        for patient in islice(patients, _LOOKED_INTO):
            yield from self.folder.names(patient)


def _decoded(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")
