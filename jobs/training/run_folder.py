"""Where a run leaves its model, and beside it what it needs to go on: on a disk or in a store."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipelines.output_folder import OutputFolder

JOURNAL = "journal.jsonl"


class RunFolder:
    """`output` is the model folder that the run ends with; `work` is beside it and called `<output>.training`."""

    def __init__(self, output: str | Path) -> None:
        self.model = OutputFolder(str(output))
        self.work = OutputFolder(f"{self.model.root}.training")

    @property
    def output(self) -> str:
        return self.model.root

    @property
    def name(self) -> str:
        return self.output.rsplit("/", 1)[-1]

    @property
    def parent(self) -> str:
        return self.output.rsplit("/", 1)[0]

    def read_json(self, name: str) -> Any | None:
        """What a file of the work folder holds; None if there is none."""
        content = self.work.read(name)
        return None if content is None else json.loads(content)

    def write_json(self, name: str, value: Any) -> None:
        self.work.write(name, (json.dumps(value, indent=2) + "\n").encode())

    def publish(self, save: Callable[[Path], None]) -> None:
        """Makes what `save` writes into a folder the model folder.

        On a disk it appears as a whole, and what was there before goes only then; in a store it does file by file.
        """
        if not self.model.is_local:
            with tempfile.TemporaryDirectory() as folder:
                complete = Path(folder) / "model"
                save(complete)
                for path in sorted(path for path in complete.rglob("*") if path.is_file()):
                    self.model.store(path, path.relative_to(complete).as_posix())
            return
        output, partial = Path(self.output), Path(self.work.root) / "model"
        replaced = output.with_name(f"{output.name}.replaced")
        for leftover in (partial, replaced):
            shutil.rmtree(leftover, ignore_errors=True)
        save(partial)
        if output.exists():
            os.rename(output, replaced)
        os.rename(partial, output)
        shutil.rmtree(replaced, ignore_errors=True)

    def remove(self, folder: str) -> None:
        """Removes a folder of the work folder, if it is there."""
        if self.work.names() >= {folder}:
            self.work.filesystem.rm(self.work.uri(folder), recursive=True)
