"""Where predictions lie: part files while a run goes, one Parquet file per task at its end, and what they were made with.

OUTPUT/evaluation.json, OUTPUT/predictions/TASK.parquet, and below predictions/SPLIT/ those of another split that options
were tuned on. Every file is whole or absent, on a disk and in a store.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from jobs.evaluation.task import Row
from pipelines.output_folder import OutputFolder

_ABOUT = "evaluation.json"
_PART_SCHEMA = pa.schema([("task", pa.string()), ("row", pa.large_string())])  # the row as JSON


class Predictions:
    """The predictions of one evaluation, below a folder or an s3:// prefix."""

    def __init__(self, output: OutputFolder) -> None:
        self.output = output

    def about(self) -> dict[str, Any] | None:
        """made_with, measured (the split), tasks, left_out and the finished splits; None if nothing is there."""
        content = self.output.read(_ABOUT)
        return None if content is None else json.loads(content)

    def open(self, about: Mapping[str, Any], *, resume: bool) -> dict[str, Any]:
        """Begins or continues an evaluation. Gives what is known of it; `finished` lists the splits that are done.

        Raises ValueError if the folder holds an evaluation and `resume` is off, or one that was made otherwise.
        """
        about = json.loads(json.dumps(about))  # as it will be read again
        earlier = self.about()
        if earlier is not None:
            there, asked = earlier["made_with"], about["made_with"]
            if changed := sorted(name for name in there | asked if there.get(name) != asked.get(name)):
                raise ValueError(
                    f"{self.output.root} holds an evaluation made with another {', '.join(changed)}: "
                    "write this one to another folder"
                )
            if not resume:
                raise ValueError(
                    f"{self.output.root} holds an evaluation already: go on with it by --resume, or name another folder"
                )
            return earlier
        return self._tell({**about, "finished": []})

    def parts_done(self, split: str) -> set[str]:
        """The names of the parts that are written."""
        folder = OutputFolder(self.output.uri(f"predictions/parts/{split}"))
        return {name.removesuffix(".parquet") for name in folder.names() if name.endswith(".parquet")}

    def write_part(self, split: str, part: str, rows: Mapping[str, Sequence[Row]]) -> None:
        """The rows of all tasks, by the tasks' names."""
        lines = [{"task": task, "row": json.dumps(row)} for task, some in rows.items() for row in some]
        content = _parquet(pa.Table.from_pylist(lines, schema=_PART_SCHEMA))
        self.output.write(f"predictions/parts/{split}/{part}.parquet", content)

    def finish(self, split: str, parts: Sequence[str], notes: Mapping[str, Mapping[str, Any]]) -> None:
        """Joins the parts, in this order, into a file per task. notes: by task, JSON for the files' metadata."""
        about = self.about()
        for task, notes_of_task in notes.items():
            rows = [row for part in parts for row in self._rows_of_part(split, part, task)]
            if rows:
                table = pa.Table.from_pylist(rows)
                metadata = {name: json.dumps(value) for name, value in notes_of_task.items()}
                content = _parquet(table.replace_schema_metadata(metadata))
                self.output.write(self._file(about, split, task), content)
        self._tell({**about, "finished": [*about["finished"], split]})

    def remove_parts(self, split: str) -> None:
        """Once the split is finished; those that an interruption left, too."""
        for part in self.parts_done(split):
            self.output.remove(f"predictions/parts/{split}/{part}.parquet")

    def read(self, split: str, task: str) -> tuple[list[Row], dict[str, Any]]:
        """A task's rows and notes; no rows where the split has none for it."""
        content = self.output.read(self._file(self.about(), split, task))
        if content is None:
            return [], {}
        table = pq.ParquetFile(io.BytesIO(content)).read()
        metadata = {key.decode(): value for key, value in (table.schema.metadata or {}).items()}
        notes = {name: json.loads(value) for name, value in metadata.items() if not name.startswith("ARROW:")}
        return table.to_pylist(), notes

    def _tell(self, about: dict[str, Any]) -> dict[str, Any]:
        self.output.write(_ABOUT, (json.dumps(about, indent=2, ensure_ascii=False) + "\n").encode())
        return about

    def _file(self, about: Mapping[str, Any], split: str, task: str) -> str:
        folder = "predictions" if split == about["made_with"]["split"] else f"predictions/{split}"
        return f"{folder}/{task}.parquet"

    def _rows_of_part(self, split: str, part: str, task: str) -> Iterator[Row]:
        content = self.output.read(f"predictions/parts/{split}/{part}.parquet")
        if content is None:
            raise FileNotFoundError(
                f"{self.output.root}: {part} of split {split} is gone; remove the folder, start anew"
            )
        table = pq.ParquetFile(io.BytesIO(content)).read()
        for line in table.filter(pa.compute.equal(table["task"], task))["row"].to_pylist():
            yield json.loads(line)


def _parquet(table: pa.Table) -> bytes:
    file = io.BytesIO()
    pq.write_table(table, file, compression="zstd")
    return file.getvalue()
