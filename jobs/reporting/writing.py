"""The last step of the graph: the reports of a part -> its files, and what there is to count."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from chex.exports import NotExportable, needs_of
from chex.exports.deidentification import Deidentifier
from chex.metrics.label_reader import PRESENT, rule_based_label_reader
from chex.pixels import UnusableImage, read_radiograph
from chex.records import Provenance, SourceImage
from jobs.reporting.counts import Counts
from jobs.reporting.deidentified import deidentified
from jobs.reporting.exporting import PartExports
from jobs.reporting.inputs import ImageReader
from jobs.reporting.part import DONE_SCHEMA, READABLE, UNUSABLE, ReadImage, row, unpacked_images
from jobs.reporting.results import Results, part_name
from jobs.reporting.rows import report_of, report_row, unreported_row
from pipelines.faults import where_and_what
from pipelines.stores import StoreUnreachable, store_faults, told

NORMAL = "No Finding"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PartWriter:
    """WRITTEN_SCHEMA -> DONE_SCHEMA. `provenance` is that of every report, but for the image."""

    output: str
    formats: tuple[str, ...]  # besides Parquet
    provenance: Provenance
    result_set: str
    deidentifier: Deidentifier | None = None

    def __call__(self, batch: pa.Table) -> pa.Table:
        number, fault = batch["part"][0].as_py(), batch["fault"][0].as_py()
        if fault is not None:
            return row(DONE_SCHEMA, part=number, fault=fault)
        try:
            return row(DONE_SCHEMA, part=number, counts=self._written(number, batch).to_json())
        except StoreUnreachable as problem:
            return row(DONE_SCHEMA, part=number, fault=str(problem))
        except store_faults() as problem:
            return row(DONE_SCHEMA, part=number, fault=told(problem))

    def _written(self, number: int, batch: pa.Table) -> Counts:
        """The report file comes last: once it is there, the part is done."""
        results, counts = Results(self.output), Counts()
        exports = PartExports(self.formats, results)
        texts = iter(json.loads(batch["findings"][0].as_py()))
        images, headers = unpacked_images(batch), batch["headers"][0].as_py()
        reports, unusable = [], []
        with _pixels(self.formats) as pixels_of:
            for place, original in enumerate(images):
                image = original if self.deidentifier is None else deidentified(original, self.deidentifier)
                if image.outcome == UNUSABLE:
                    unusable.append({"uri": image.uri, "stage": image.stage, "reason": image.reason})
                    counts.quarantined[f"{image.stage}: {image.reason}"] += 1
                    continue
                reports.append(made := self._row(image, next(texts) if image.outcome == READABLE else None))
                if self.formats and image.outcome == READABLE:
                    header = headers[place] if headers else None
                    try:
                        pixels = pixels_of(original)
                        source = self._shareable(
                            SourceImage(original.uri, original.height, original.width, pixels, header)
                        )
                    except (UnusableImage, OSError):
                        exports.leave_out(made, "the image cannot be read again")
                    except NotExportable as problem:
                        exports.leave_out(made, str(problem))
                    else:
                        exports.add(report_of(made), source, made)
                _count(made, image, counts)
        exports.finish(part_name(number))
        results.write_part(number, reports, unusable, counts)
        return counts

    def _shareable(self, source: SourceImage) -> SourceImage:
        """Raises NotExportable if it cannot be de-identified."""
        if self.deidentifier is None:
            return source
        try:
            return self.deidentifier.source(source)
        except Exception as problem:  # noqa: BLE001  one odd header among a million must not stop the other 999,999
            log.error("an unforeseen fault while de-identifying a header: %s", where_and_what(problem))
            raise NotExportable(f"the header cannot be de-identified ({type(problem).__name__})") from None

    def _row(self, image: ReadImage, written: dict | None) -> dict:
        provenance = replace(self.provenance, input_sha256=image.sha256, sop_instance_uid=image.sop_instance_uid)
        known = image.uri, image.study_instance_uid
        if written is None:
            return unreported_row(*known, provenance, self.result_set, image.reason)
        found = rule_based_label_reader().read_report([item["sentence"] or "" for item in written["findings"]])
        labels = sorted(name for name, value in found.items() if value == PRESENT)
        return report_row(*known, written["text"], labels, written["findings"], provenance, self.result_set)


def _count(made: dict, image: ReadImage, counts: Counts) -> None:
    if image.outcome != READABLE:
        counts.not_reported[image.reason] += 1
        return
    counts.reported += 1
    counts.normal += NORMAL in made["labels"]
    counts.labels.update(label for label in made["labels"] if label != NORMAL)
    counts.not_exported.update(f"{item['format']}: {item['reason']}" for item in made["not_exported"])


@contextmanager
def _pixels(formats: tuple[str, ...]) -> Iterator[Callable[[ReadImage], np.ndarray | None]]:
    """Gives the full-size pictures of images, where a format needs them.

    They are read again: carried along, those of one part would fill gigabytes.
    """
    if "pixels" not in needs_of(formats):
        yield lambda image: None
        return
    with ImageReader() as reader:
        yield lambda image: read_radiograph(reader.read(image.uri), image.uri).pixels
