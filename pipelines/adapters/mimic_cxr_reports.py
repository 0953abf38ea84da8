"""MIMIC-CXR 2.0.0's free-text reports: sentences and indication of a study, for all of its images.

https://physionet.org/content/mimic-cxr; the reports lie in `files/`, or in mimic-cxr-reports.zip as downloaded.
"""

from __future__ import annotations

import json
from functools import cache
from importlib import resources

from chex.records import Annotations, Study
from pipelines.adapters import LeftOut, UnusableInput
from pipelines.adapters.mimic_cxr_jpg import DATASET, study_folder
from pipelines.archive import SmallFiles
from pipelines.raw_files import RawFolder
from pipelines.reports import parse


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
        self.root = root
        self._reports = SmallFiles(RawFolder(root), folder_name="files", archive_name="mimic-cxr-reports.zip")

    def __reduce__(self) -> tuple:
        return type(self), (self.root,)

    def check(self) -> None:
        self._reports.check()

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


def _decoded(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")
