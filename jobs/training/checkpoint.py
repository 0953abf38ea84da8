"""What a stopped run goes on from: written beside the output, each file complete or not there at all."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any


def work_folder(output: Path) -> Path:
    """Checkpoints, journal and Ray's own files of the run that writes the model folder `output`."""
    return output.with_name(f"{output.name}.training")


class Checkpoints:
    """The last state and the best weights of one run. Only one process writes; all may read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def last_step(self) -> int:
        """How many steps the last checkpoint has behind it; 0 if there is none."""
        return max((step for step, _ in self._states()), default=0)

    def save(self, step: int, state: dict[str, Any]) -> None:
        """Keeps `state` (tensors and plain values) as the state after `step` steps; older ones go afterwards."""
        self._write(state, self.folder / f"step-{step:09d}.pt")
        for old, path in self._states():
            if old < step:
                path.unlink(missing_ok=True)

    def load(self) -> dict[str, Any] | None:
        """The last state, on the CPU, or None. Nothing but tensors and plain values is ever unpickled."""
        states = sorted(self._states())
        return self._read(states[-1][1]) if states else None

    def save_best(self, weights: dict[str, Any]) -> None:
        self._write(weights, self.folder / "best.pt")

    def load_best(self) -> dict[str, Any] | None:
        path = self.folder / "best.pt"
        return self._read(path) if path.is_file() else None

    def _states(self) -> list[tuple[int, Path]]:
        return [(int(path.stem.removeprefix("step-")), path) for path in self.folder.glob("step-*.pt")]

    def _write(self, value: dict[str, Any], path: Path) -> None:
        import torch

        self.folder.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        with partial.open("wb") as file:
            torch.save(value, file)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)

    @staticmethod
    def _read(path: Path) -> dict[str, Any]:
        import torch

        return torch.load(path, map_location="cpu", weights_only=True)


def publish(partial: Path, output: Path) -> None:
    """Makes the complete folder `partial` the folder `output`; what was there before goes only then."""
    replaced = output.with_name(f"{output.name}.replaced")
    shutil.rmtree(replaced, ignore_errors=True)
    if output.exists():
        output.rename(replaced)
    partial.rename(output)
    shutil.rmtree(replaced, ignore_errors=True)


def write_json(path: Path, value: Any) -> None:
    """Writes the whole file or none of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.partial")
    partial.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
    partial.replace(path)
