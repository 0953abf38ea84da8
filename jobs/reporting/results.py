"""Where results lie: part files that are either whole or absent, and the one result set of a folder."""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pyarrow.parquet as pq

from jobs.reporting.counts import Counts
from jobs.reporting.rows import QUARANTINE_SCHEMA, REPORT_SCHEMA
from pipelines.output_folder import OutputFolder

RESULT_SET = "result_set.json"
_COUNTS = b"chex_ray_counts"
_PART_FILE = re.compile(r"part-(\d{8})\.parquet")
_READERS = 16  # of footers; from a store each takes as long as its answer


class Results:
    """A folder or bucket prefix with `parquet/`, `quarantine/` and one folder per further format."""

    def __init__(self, uri: str):
        self.folder = OutputFolder(uri)

    def check(self, made_with: Mapping, settings: Mapping, *, resume: bool) -> None:
        """made_with: model, prompts, thresholds …: what reports follow from. settings: which files there are of them.

        Raises ValueError if the folder holds results and `resume` is off, or if they were made otherwise.
        """
        present = self.folder.read(RESULT_SET)
        if present is None:
            return
        earlier = json.loads(present)
        begun = {**earlier.get("made_with", {}), **earlier.get("settings", {})}
        now = {**_as_json(made_with), **_as_json(settings)}
        changed = sorted(name for name in begun | now if begun.get(name) != now.get(name))
        if changed:
            raise ValueError(
                f"{self.folder.root} holds reports made with another {', '.join(changed)}: write these to another "
                "folder, or go on as they were begun"
            )
        if not resume:
            raise ValueError(
                f"{self.folder.root} holds reports already: continue them with --resume, or name another folder"
            )

    def plan_id(self) -> str | None:
        """The id of the plan whose parts lie here; None if there is no result set, "" of one from before plans had ids."""
        present = self.folder.read(RESULT_SET)
        return None if present is None else json.loads(present).get("plan", "")

    def begin(self, made_with: Mapping, settings: Mapping, plan_id: str) -> str:
        """Starts or continues the result set, which was checked; returns its key, which follows from `made_with`."""
        made_with = _as_json(made_with)
        key = hashlib.sha256(json.dumps(made_with, sort_keys=True).encode()).hexdigest()[:16]
        content = {"result_set": key, "plan": plan_id, "made_with": made_with, "settings": _as_json(settings)}
        self.write(RESULT_SET, (json.dumps(content, indent=1) + "\n").encode())
        return key

    def finished(self) -> set[int]:
        """The parts that need no more work. A part counts once its report file is there: it is written last."""
        names = OutputFolder(self.folder.uri("parquet")).names()
        return {int(found[1]) for name in names if (found := _PART_FILE.fullmatch(name))}

    def write_part(self, number: int, reports: Iterable[dict], unusable: Collection[dict], counts: Counts) -> None:
        """Both files of a part, rows in the order given; the counts lie in the footer of the report file."""
        if unusable:
            self._write_table(f"quarantine/{part_name(number)}.parquet", unusable, QUARANTINE_SCHEMA)
        schema = REPORT_SCHEMA.with_metadata({_COUNTS: counts.to_json().encode()})
        self._write_table(f"parquet/{part_name(number)}.parquet", reports, schema)

    def write(self, name: str, data: bytes) -> None:
        """One file, whole or not at all."""
        self.folder.write(name, data)

    def counts_of(self, parts: Collection[int]) -> Iterator[Counts]:
        """The counts of finished parts, from the footers of their files."""
        with ThreadPoolExecutor(_READERS) as pool:
            for start in range(0, len(ordered := sorted(parts)), 1000):
                yield from pool.map(self._counts_of, ordered[start : start + 1000])

    def _counts_of(self, number: int) -> Counts:
        name = f"parquet/{part_name(number)}.parquet"
        metadata = self.folder.parquet_metadata(name)
        if not metadata or _COUNTS not in metadata:
            raise ValueError(f"{self.folder.uri(name)} is damaged: remove it, and --resume makes it again")
        return Counts.from_json(metadata[_COUNTS])

    def _write_table(self, name: str, rows: Iterable[dict], schema: pa.Schema) -> None:
        file = io.BytesIO()
        pq.write_table(pa.Table.from_pylist(list(rows), schema=schema), file, compression="zstd")
        self.write(name, file.getvalue())


def part_name(number: int) -> str:
    return f"part-{number:08}"


def _as_json(values: Mapping) -> dict:
    """As JSON gives it back, so that an earlier result set compares equal."""
    return json.loads(json.dumps(values))
