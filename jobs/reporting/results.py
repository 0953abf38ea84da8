"""Where results lie: part files that are either whole or absent, and the one result set of a folder."""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq

from jobs.reporting.rows import QUARANTINE_SCHEMA, REPORT_SCHEMA, REPORTED


@dataclass(frozen=True, slots=True)
class Part:
    """Images whose rows share one file; the name follows from their URIs alone."""

    name: str
    uris: tuple[str, ...]


def split_into_parts(uris: Sequence[str], rows_per_part: int) -> list[Part]:
    """Parts of sorted URIs. The ones left over from an interrupted run fall into the same parts again."""
    parts = []
    for start in range(0, len(uris), rows_per_part):
        chosen = tuple(uris[start : start + rows_per_part])
        parts.append(Part("part-" + hashlib.sha256("\n".join(chosen).encode()).hexdigest()[:16], chosen))
    return parts


class Results:
    """A folder or bucket prefix with `parquet/`, `quarantine/` and one folder per further format."""

    def __init__(self, uri: str):
        self.uri = uri
        self._filesystem, self._root = fsspec.core.url_to_fs(uri)
        self._root = self._root.rstrip("/")
        self._local = "file" in self._filesystem.protocol or self._filesystem.protocol == "file"

    def open(self, description: dict, *, resume: bool) -> str:
        """Starts or continues the result set of this description (model, prompts, thresholds); returns its key.

        Raises ValueError if the folder holds results and `resume` is off, or if they were made otherwise.
        """
        key = hashlib.sha256(json.dumps(description, sort_keys=True).encode()).hexdigest()[:16]
        present = self._read("result_set.json")
        if present is not None and self._part_names():
            earlier = json.loads(present)["made_with"]
            changed = sorted(name for name in description | earlier if description.get(name) != earlier.get(name))
            if changed:
                raise ValueError(
                    f"{self.uri} holds reports made with another {', '.join(changed)}: write these to another folder"
                )
            if not resume:
                raise ValueError(
                    f"{self.uri} holds reports already: continue them with --resume, or name another folder"
                )
        self.write("result_set.json", json.dumps({"result_set": key, "made_with": description}, indent=1).encode())
        return key

    def finished(self) -> set[str]:
        """The URIs that need no more work. A part counts once its report file is there: it is written last."""
        done: set[str] = set()
        for name in self._part_names():
            for folder in ("parquet", "quarantine"):
                data = self._read(f"{folder}/{name}")
                if data is not None:
                    done.update(_table(data, ["uri"])["uri"].to_pylist())
        return done

    def write_part(self, name: str, reports: Iterable[dict], unusable: Iterable[dict]) -> None:
        """Both files of a part, rows in the order of their URIs."""
        unusable = sorted(unusable, key=lambda row: row["uri"])
        if unusable:
            self._write_table(f"quarantine/{name}.parquet", unusable, QUARANTINE_SCHEMA)
        self._write_table(f"parquet/{name}.parquet", sorted(reports, key=lambda row: row["uri"]), REPORT_SCHEMA)

    def write(self, name: str, data: bytes) -> None:
        """One file, whole or not at all: an object store puts it in one go, a disk gets it by renaming."""
        path = f"{self._root}/{name}"
        if not self._local:
            self._filesystem.pipe_file(path, data)
            return
        os.makedirs(os.path.dirname(path), exist_ok=True)
        unfinished = f"{path}.{os.getpid()}.unfinished"
        with open(unfinished, "wb") as file:
            file.write(data)
        os.replace(unfinished, path)

    def counts(self) -> dict:
        """What the folder holds: images, reported, not_reported, not_exported and quarantined by reason."""
        reported, not_reported, not_exported, quarantined = 0, Counter(), Counter(), Counter()
        for name in self._part_names():
            rows = _table(self._read(f"parquet/{name}"), ["status", "status_reason", "not_exported"])
            for row in rows.to_pylist():
                not_exported.update(f"{item['format']}: {item['reason']}" for item in row.get("not_exported") or ())
                if row["status"] == REPORTED:
                    reported += 1
                else:
                    not_reported[row["status_reason"]] += 1
            data = self._read(f"quarantine/{name}")
            if data is not None:
                for row in _table(data, ["stage", "reason"]).to_pylist():
                    quarantined[f"{row['stage']}: {row['reason']}"] += 1
        return {
            "images": reported + not_reported.total() + quarantined.total(),
            "reported": reported,
            "not_reported": dict(not_reported.most_common()),
            "not_exported": dict(not_exported.most_common()),
            "quarantined": dict(quarantined.most_common()),
        }

    def _write_table(self, name: str, rows: list[dict], schema: pa.Schema) -> None:
        file = io.BytesIO()
        pq.write_table(pa.Table.from_pylist(rows, schema=schema), file, compression="zstd")
        self.write(name, file.getvalue())

    def _part_names(self) -> list[str]:
        folder = f"{self._root}/parquet"
        if not self._filesystem.exists(folder):
            return []
        names = (path.rsplit("/", 1)[-1] for path in self._filesystem.ls(folder, detail=False))
        return sorted(name for name in names if name.endswith(".parquet"))

    def _read(self, name: str) -> bytes | None:
        path = f"{self._root}/{name}"
        return self._filesystem.cat_file(path) if self._filesystem.exists(path) else None


def _table(data: bytes, columns: list[str]) -> pa.Table:
    # pq.read_table reads ahead in threads of its own, which may still let go of Python's bytes, and abort, at exit
    return pq.ParquetFile(io.BytesIO(data)).read(columns=columns)
