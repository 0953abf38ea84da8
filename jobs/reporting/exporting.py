"""Further formats of a report: a file per image, or one of a whole part where a format's files hold many images."""

from __future__ import annotations

import hashlib
import logging
import posixpath
from collections import defaultdict
from collections.abc import Sequence

from chex.exports import Format, JoinedFormat, NotExportable, formats
from chex.records import Report, SourceImage
from jobs.reporting.results import Results
from pipelines.faults import where_and_what

log = logging.getLogger(__name__)


class PartExports:
    """Writes OUTPUT/FORMAT/NAME for the reports of one part."""

    def __init__(self, chosen: Sequence[str], results: Results):
        self._modules = [formats()[name] for name in chosen]
        self._results = results
        self._pieces: dict[str, list[bytes]] = defaultdict(list)

    def add(self, report: Report, source: SourceImage, row: dict) -> None:
        """A format that the image cannot have is noted in its row."""
        for module in self._modules:
            data = _encoded(module, report, source, row)
            if data is None:
                continue
            if isinstance(module, JoinedFormat):
                self._pieces[module.FORMAT].append(data)
            else:
                self._results.write(f"{module.FORMAT}/{export_name(source.uri)}{module.SUFFIX}", data)

    def leave_out(self, row: dict, reason: str) -> None:
        """Notes in the row that the image has none of the formats."""
        row["not_exported"] += [{"format": module.FORMAT, "reason": reason} for module in self._modules]

    def finish(self, part: str) -> None:
        """The files of formats whose files hold many images, which come in the order in which they were added."""
        for module in self._modules:
            if pieces := self._pieces.get(module.FORMAT):
                self._results.write(f"{module.FORMAT}/{part}{module.SUFFIX}", module.join(pieces))


def _encoded(module: Format, report: Report, source: SourceImage, row: dict) -> bytes | None:
    """The file, or None and a note in the row."""
    try:
        return module.encode(report, source)
    except NotExportable as problem:
        reason = str(problem)
    except Exception as problem:  # noqa: BLE001  one odd header among a million must not stop the other 999,999
        log.error("an unforeseen fault while exporting to %s: %s", module.FORMAT, where_and_what(problem))
        reason = f"unforeseen fault ({type(problem).__name__})"
    row["not_exported"].append({"format": module.FORMAT, "reason": reason})
    return None


def export_name(uri: str) -> str:
    """A readable name without suffix; equal names in different folders are told apart by a piece of a hash.

    The piece is long enough for a billion images, the name short enough for a file system, which counts bytes.
    """
    stem = posixpath.splitext(posixpath.basename(uri))[0]
    readable = "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in stem)
    short = readable.encode()[:80].decode(errors="ignore")
    return f"{short}-{hashlib.sha256(uri.encode()).hexdigest()[:24]}"
