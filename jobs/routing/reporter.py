"""Image files to files of reports, in one process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from chex.exports import NotExportable, formats
from chex.image_quality import why_not_reported
from chex.pixels import UnusableImage, header_alone, read_radiograph
from chex.records import Report, SourceImage
from jobs.machines import device_here
from jobs.reporting.prompts import read_prompts
from pipelines.model_folder import model_folder_on_disk


@dataclass(frozen=True, slots=True)
class NotReported:
    """A readable image that is none to report on."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unusable:
    stage: str
    reason: str


class Reporter:
    def __init__(self, model: str, prompts: str | None, format: str, device: str) -> None:
        """Raises ValueError, OSError or RuntimeError if model, prompts or device cannot be used."""

        from chex import Chex
        from chex.inference.report import PromptSet, default_prompts
        from chex.inference.session import Session

        self._prompts = default_prompts() if prompts is None else PromptSet(*read_prompts(prompts))
        self._format = formats()[format]
        with model_folder_on_disk(model) as folder:
            self._session = Session(Chex.load(folder, device=device_here(device)))

    def __call__(self, files: Sequence[Path]) -> list[bytes | NotReported | Unusable]:
        """For each image file the file of its report, or why there is none."""
        results = [_read(file) for file in files]
        shown = [place for place, result in enumerate(results) if isinstance(result, _Readable)]
        if shown:
            pixels = [results[place].source.pixels for place in shown]
            for place, report in zip(shown, self._session.report(pixels, self._prompts), strict=True):
                results[place] = self._encoded(report, results[place])
        return results

    def _encoded(self, report: Report, image: _Readable) -> bytes | Unusable:
        # named by its file instead of its pixels
        provenance = self._session.reports.provenance(
            self._prompts, input_sha256=image.sha256, sop_instance_uid=image.sop_instance_uid
        )
        try:
            return self._format.encode(replace(report, provenance=provenance), image.source)
        except NotExportable as problem:
            return Unusable("export", str(problem))


@dataclass(frozen=True, slots=True)
class _Readable:
    source: SourceImage
    sha256: str
    sop_instance_uid: str | None


def _read(file: Path) -> _Readable | NotReported | Unusable:
    data = file.read_bytes()
    try:
        image = read_radiograph(data, file.name)
    except UnusableImage as problem:
        return Unusable(problem.stage, problem.reason)
    reason = why_not_reported(image)
    if reason is not None:
        return NotReported(reason)
    source = SourceImage(file.name, image.height, image.width, image.pixels, header_alone(data))
    return _Readable(source, image.sha256, image.sop_instance_uid)
