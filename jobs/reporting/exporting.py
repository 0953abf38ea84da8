"""Further formats of a report: files per image are written where the report was made, files per part by the driver."""

from __future__ import annotations

import hashlib
import logging
import pickle
import posixpath
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from chex.exports import Format, JoinedFormat, NotExportable, formats
from chex.records import Report, SourceImage
from jobs.reporting.results import Results

log = logging.getLogger(__name__)


def export(batch: pa.Table, chosen: Sequence[str], output: str) -> pa.Table:
    """WRITTEN_SCHEMA -> uri, part, row, pieces: writes OUTPUT/FORMAT/NAME for each report of the batch.

    `pieces` are pickled {FORMAT: file of this image} for the formats whose files hold many images. A format that an
    image cannot have is noted in its row.
    """
    modules = [formats()[name] for name in chosen]
    results = Results(output)
    rows, pieces = [], []
    for place in range(batch.num_rows):
        row, joined = pickle.loads(batch["row"][place].as_py()), {}
        if modules and batch["report"][place].is_valid:
            report, source = pickle.loads(batch["report"][place].as_py()), _source(batch, place)
            for module in modules:
                data = _encoded(module, report, source, row)
                if data is None:
                    continue
                if isinstance(module, JoinedFormat):
                    joined[module.FORMAT] = data
                else:
                    results.write(f"{module.FORMAT}/{export_name(source.uri)}{module.SUFFIX}", data)
        rows.append(pickle.dumps(row))
        pieces.append(pickle.dumps(joined))
    kept = batch.select(["uri", "part"]).append_column("row", pa.array(rows, pa.large_binary()))
    return kept.append_column("pieces", pa.array(pieces, pa.large_binary()))


class FurtherFiles:
    """Gathers the pieces of formats whose files hold many images, and writes OUTPUT/FORMAT/PART for each part."""

    def __init__(self, chosen: Sequence[str], results: Results):
        self._modules = [module for name in chosen if isinstance(module := formats()[name], JoinedFormat)]
        self._results = results
        self._pieces: dict[str, dict[str, dict[str, bytes]]] = defaultdict(dict)  # part -> uri -> FORMAT -> file

    def add(self, part: str, uri: str, pieces: dict[str, bytes]) -> None:
        if pieces:
            self._pieces[part][uri] = pieces

    def write(self, part: str) -> None:
        """The files of a part whose images are all through, in the order of their URIs."""
        pieces = self._pieces.pop(part, {})
        for module in self._modules:
            files = [pieces[uri][module.FORMAT] for uri in sorted(pieces) if module.FORMAT in pieces[uri]]
            if files:
                self._results.write(f"{module.FORMAT}/{part}{module.SUFFIX}", module.join(files))


def _encoded(module: Format, report: Report, source: SourceImage, row: dict) -> bytes | None:
    """The file, or None and a note in the row."""
    try:
        return module.encode(report, source)
    except NotExportable as problem:
        reason = str(problem)
    except Exception as problem:
        # one odd header among a million must not stop the other 999,999; the log keeps what a developer needs
        log.exception("an unforeseen fault while exporting to %s", module.FORMAT)
        reason = f"unforeseen fault ({type(problem).__name__})"
    row["not_exported"].append({"format": module.FORMAT, "reason": reason})
    return None


def _source(batch: pa.Table, place: int) -> SourceImage:
    height, width = batch["height"][place].as_py(), batch["width"][place].as_py()
    pixels = None
    if batch["pixels"][place].is_valid:
        pixels = np.frombuffer(batch["pixels"][place].as_buffer(), np.uint8).reshape(height, width)
    return SourceImage(batch["uri"][place].as_py(), height, width, pixels, batch["header"][place].as_py())


def export_name(uri: str) -> str:
    """A readable name without suffix; equal names in different folders are told apart by a piece of a hash."""
    stem = posixpath.splitext(posixpath.basename(uri))[0]
    readable = "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in stem)[:80]
    return f"{readable}-{hashlib.sha256(uri.encode()).hexdigest()[:8]}"
