"""Open-i's chest X-rays of Indiana University: PNG or DICOM images with reports (https://openi.nlm.nih.gov/faq).

The reports do not say which image is frontal. A table `indiana_projections.csv` (uid, filename, projection; it comes with
a copy on Kaggle) beside them does: laterals are then left out. So are DICOM images that call themselves lateral.
Without either, all images are kept and their view is left empty. There is no official split: a tenth of the reports
validates and a fifth tests. The MeSH terms are no labels here: they name what was indexed, not what is absent.
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, lru_cache

from chex.records import Annotations, Study
from pipelines.adapters import LeftOut, SourceError, UnusableInput
from pipelines.raw.folder import RawFolder, rows
from pipelines.raw.table_checks import listed
from pipelines.report_text.open_i_report import OpenIReport, read_report
from pipelines.report_text.sentences import split_sentences
from pipelines.splits import position

DATASET = "open-i"
REPORTS = "ecgen-radiology"
PNG_FOLDERS = ("NLMCXR_png", "images/images_normalized", "images", "")
DICOM_FOLDERS = ("NLMCXR_dcm", "")  # with a folder for each report
PROJECTIONS = ("indiana_projections.csv",)
PROJECTION_COLUMNS = ("uid", "filename", "projection")
VALIDATION_SHARE, TEST_SHARE = 0.1, 0.2
LATERAL_VIEWS = ("LL", "RL", "LATERAL", "LAT")  # of DICOM's ViewPosition
_SUFFIX = re.compile(r"(?:\.(?:png|jpe?g|dcm|dicom))+$", re.IGNORECASE)
_READERS = 8

logger = logging.getLogger(__name__)


class Source:
    """Reports and images below one folder; every image of a report has the sentences of its findings and impression."""

    datasets = (DATASET,)

    def __init__(self, root: str) -> None:
        self._folder = RawFolder(root)
        self._left_out: Counter[str] = Counter()
        self._report_of_study = lru_cache(maxsize=8)(self._report)

    def check(self) -> None:
        if not self._numbers():
            found = listed(self._folder.names(REPORTS) or self._folder.names(), 8)
            raise SourceError(
                f"{self._folder.root}: expected the reports {REPORTS}/1.xml, {REPORTS}/2.xml, …; found {found}"
            )
        if not self._images and self._dicom_folder is None:
            raise SourceError(
                f"{self._folder.root}: expected images in NLMCXR_png/, images/ or {DICOM_FOLDERS[0]}/1/; "
                f"found {listed(self._folder.names(), 8)}"
            )
        if self._projections is None:
            logger.warning(
                "%s: without %s (%s) lateral images that are no DICOM files cannot be told apart; all are kept",
                *(self._folder.root, PROJECTIONS[0], ", ".join(PROJECTION_COLUMNS)),
            )

    def studies(self) -> Iterator[Study]:
        self._left_out = Counter()
        with ThreadPoolExecutor(_READERS) as pool:
            numbers = self._numbers()
            for number, names in zip(numbers, pool.map(self._image_ids, numbers), strict=True):
                if not names:
                    self._left_out["report without images, or damaged and without image files"] += 1
                yield from filter(None, (self._study(number, name) for name in names))

    def left_out(self) -> dict[str, int]:
        return dict(self._left_out)

    def annotations(self, study: Study, height: int, width: int) -> Annotations | None:
        if study.view in LATERAL_VIEWS:
            raise LeftOut("lateral view, as its DICOM header says")
        texts = self._report_of_study(study.study_id).sections
        sentences = (*split_sentences(texts.get("FINDINGS", "")), *split_sentences(texts.get("IMPRESSION", "")))
        indication = " ".join(texts.get("INDICATION", "").split()) or None
        return Annotations(sentences=sentences, indication=indication) if sentences or indication else None

    def _study(self, number: str, name: str) -> Study | None:
        projection = None if self._projections is None else self._projections.get(_key(name), "")
        if projection not in (None, "frontal"):
            self._left_out["lateral view" if projection else f"not listed in {PROJECTIONS[0]}"] += 1
            return None
        place = position(f"{DATASET}/{number}")
        file = self._images.get(_key(name)) or self._dicom(number, name) or f"{PNG_FOLDERS[0]}/{name}.png"
        return Study(
            dataset=DATASET,
            split="validate"
            if place < VALIDATION_SHARE
            else "test"
            if place < VALIDATION_SHARE + TEST_SHARE
            else "train",
            patient_id=number,  # patients have no ids: the collection holds one report of each
            study_id=number,
            image_id=name,
            uri=self._folder.uri(file),
            view="FRONTAL" if projection and not file.endswith(".dcm") else None,
        )

    def _numbers(self) -> list[str]:
        """What the reports are called, "1" for 1.xml, in the order of their numbers."""
        found = [name.removesuffix(".xml") for name in self._folder.names(REPORTS) if name.endswith(".xml")]
        return sorted(found, key=lambda name: (not name.isdecimal(), int(name) if name.isdecimal() else 0, name))

    def _report(self, number: str) -> OpenIReport:
        try:
            return read_report(self._folder.read(f"{REPORTS}/{number}.xml"))
        except OSError as error:
            raise UnusableInput("annotate", f"the report's .xml: {type(error).__name__}: it cannot be read") from error
        except UnusableInput as fault:
            raise UnusableInput(fault.stage, f"the report's .xml: {fault.reason}") from fault

    def _image_ids(self, number: str) -> list[str]:
        """The report's images; of a broken report those whose files are named after it, so that they are quarantined."""
        try:
            return list(self._report(number).images)
        except UnusableInput:
            return [f"CXR{key}" for key in sorted(self._images) if key.startswith(f"{number}_")]

    def _dicom(self, number: str, name: str) -> str | None:
        folder = self._dicom_folder
        return None if folder is None else f"{folder}/{number}/{_key(name)}.dcm".lstrip("/")

    @cached_property
    def _dicom_folder(self) -> str | None:
        return next((folder for folder in DICOM_FOLDERS if any(map(str.isdecimal, self._folder.names(folder)))), None)

    @cached_property
    def _images(self) -> dict[str, str]:
        """Every image file that is no DICOM file by its key; of several, the one in the first of the folders."""
        return {
            _key(name): f"{folder}/{name}".lstrip("/")
            for folder in reversed(PNG_FOLDERS)
            for name in self._folder.names(folder)
            if name.lower().endswith((".png", ".jpg", ".jpeg"))
        }

    @cached_property
    def _projections(self) -> dict[str, str] | None:
        """Key -> "frontal" or "lateral"; None without the table."""
        if PROJECTIONS[0] not in self._folder.names():
            return None
        found = {}
        for number, row in enumerate(rows(self._folder.table(PROJECTIONS, PROJECTION_COLUMNS, may_be_empty=False)), 1):
            projection = row["projection"].strip().lower()
            if projection not in ("frontal", "lateral"):
                raise SourceError(
                    f"{self._folder.uri(PROJECTIONS[0])}: column 'projection': expected Frontal or Lateral; "
                    f"found something else in row {number}"
                )
            if found.setdefault(_key(row["filename"]), projection) != projection:
                raise SourceError(
                    f"{self._folder.uri(PROJECTIONS[0])}: expected one projection for each file; row {number} gives another"
                )
        return found


def _key(name: str) -> str:
    """What all names of an image share: CXR1_1_IM-0001-3001 (in reports), 1_IM-0001-3001.dcm, 1_IM-0001-3001.dcm.png."""
    return re.sub(r"^(\d+_)(?=\1)", "", _SUFFIX.sub("", name).removeprefix("CXR"))
