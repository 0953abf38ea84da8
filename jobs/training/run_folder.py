"""Where a run leaves its model, and beside it what it needs to go on: on a disk or in a store."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipelines.output_folder import OutputFolder

JOURNAL = "journal.jsonl"
_OWNER = "owner"
_LAST = "config.json"  # what makes a folder a model folder


class Superseded(RuntimeError):
    """Another process has gone on with the run."""


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

    def claim(self) -> str:
        """Makes the run somebody's, who is given a name for it; from then on `check_owner` stops all before."""
        owner = uuid.uuid4().hex
        self.work.write(_OWNER, owner.encode())
        return owner

    def check_owner(self, owner: str) -> None:
        """Raises Superseded if somebody else has claimed the run since: what a killed job left may write no more."""
        found = self.work.read(_OWNER)
        if found is None:
            raise FileNotFoundError(f"{self.work.uri(_OWNER)}: expected the folder of this run; do all nodes share it?")
        if found != owner.encode():
            raise Superseded(f"another process has gone on with the run of {self.output}; this one ends")

    def publish(self, save: Callable[[Path], None]) -> None:
        """Makes what `save` writes into a folder the model folder.

        On a disk it appears as a whole, and what was there before goes only then; in a store it does file by file, and
        what makes it a model folder comes last.
        """
        if not self.model.is_local:
            with tempfile.TemporaryDirectory() as folder:
                complete = Path(folder) / "model"
                save(complete)
                names = [path.relative_to(complete).as_posix() for path in complete.rglob("*") if path.is_file()]
                for name in sorted(names, key=lambda name: (name == _LAST, name)):
                    self.model.store(complete / name, name)
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
