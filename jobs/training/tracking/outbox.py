"""What MLflow is yet to be told: numbered files in the run's work folder, so that nothing waits in memory or is lost."""

from __future__ import annotations

import json
import os
import tempfile
import threading
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jobs.training.run_folder import RunFolder
from pipelines.output_folder import OutputFolder

FOLDER = "tracking"


class Outbox:
    """Entries in the order they were put, each gone once it is removed. One process at a time may have it open.

    Where the work folder lies in a store, entries wait on this machine's disk, for nobody should wait for the store;
    `keep` copies there what waits for long.
    """

    def __init__(self, folder: RunFolder) -> None:
        self.place = OutputFolder(folder.work.uri(FOLDER))
        self._kept: set[str] = set()
        if self.place.is_local:
            self._disk = Path(self.place.root)
        else:
            self._disk = Path(tempfile.mkdtemp(prefix="chex-tracking-"))
            for name in sorted(self.place.names()):
                self.place.fetch(name, self._disk / name)
                self._kept.add(name)
        names = self.waiting()
        self._next = int(names[-1].split("-")[0]) + 1 if names else 1
        self._own = uuid.uuid4().hex[:8]  # what a process that should have ended still writes is not overwritten
        self._lock = threading.Lock()

    def put(self, entry: Mapping[str, Any]) -> None:
        """Adds an entry, which JSON can hold."""
        with self._lock:
            self._disk.mkdir(parents=True, exist_ok=True)
            name = f"{self._next:012d}-{self._own}.json"
            partial = self._disk / f".{name}.unfinished"
            partial.write_text(json.dumps(entry), encoding="utf-8")
            os.replace(partial, self._disk / name)
            self._next += 1

    def waiting(self) -> list[str]:
        """The names of the entries, the first one first."""
        try:
            return sorted(name for name in os.listdir(self._disk) if name.endswith(".json"))
        except FileNotFoundError:
            return []

    def read(self, name: str) -> dict[str, Any] | None:
        """An entry; None where the machine went down while it was written, or it is gone."""
        try:
            return json.loads((self._disk / name).read_bytes())
        except (ValueError, FileNotFoundError):
            return None

    def remove(self, name: str) -> None:
        (self._disk / name).unlink(missing_ok=True)
        if name in self._kept:
            self.place.remove(name)
            self._kept.discard(name)

    def keep(self) -> None:
        """Copies what is not there yet to the store of the work folder. Raises StoreUnreachable or OSError."""
        if self.place.is_local:
            return
        for name in self.waiting():
            if name not in self._kept:
                self.place.store(self._disk / name, name)
                self._kept.add(name)
