"""What a stopped run goes on from: the trained weights, the optimizer and the progress, on a disk or in a store."""

from __future__ import annotations

import re
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from pipelines.output_folder import OutputFolder

BEST = "best.pt"
_STATE = re.compile(r"step-(\d+)\.pt")


class Checkpoints:
    """The last states and the best weights of one run. Only one process writes; all may read.

    Files are complete or not there at all. They are written in the background, one after the other, from a copy of
    what is saved; `close` waits for them. What could not be written is raised by the next call.
    """

    def __init__(self, folder: OutputFolder, keep: int = 1) -> None:
        self.folder, self.keep = folder, keep
        self._writer: ThreadPoolExecutor | None = None
        self._pending: Future[None] | None = None

    @property
    def last_step(self) -> int:
        """How many steps the last complete checkpoint has behind it; 0 if there is none."""
        return max(self._steps(), default=0)

    def save(self, step: int, state: Mapping[str, Any]) -> None:
        """Keeps `state` (tensors and plain values) as the state after `step` steps; old ones go afterwards."""
        self._write(f"step-{step:09d}.pt", state, then=self._forget_old)

    def load(self) -> dict[str, Any] | None:
        """The last state, on the CPU, or None. Nothing but tensors and plain values is ever unpickled."""
        step = self.last_step
        return self._read(f"step-{step:09d}.pt") if step else None

    def save_best(self, weights: Mapping[str, Any]) -> None:
        self._write(BEST, weights)

    def load_best(self) -> dict[str, Any] | None:
        self.wait()
        return self._read(BEST) if self.folder.exists(BEST) else None

    def wait(self) -> None:
        """Until everything is written."""
        pending, self._pending = self._pending, None
        if pending is not None:
            pending.result()

    def close(self) -> None:
        """Waits, and ends the thread that writes."""
        try:
            self.wait()
        finally:
            if self._writer is not None:
                self._writer.shutdown()
                self._writer = None

    def _steps(self) -> list[int]:
        return [int(found[1]) for name in self.folder.names() if (found := _STATE.fullmatch(name))]

    def _forget_old(self) -> None:
        for step in sorted(self._steps())[: -self.keep]:
            self.folder.remove(f"step-{step:09d}.pt")

    def _write(self, name: str, value: Mapping[str, Any], then=lambda: None) -> None:
        import torch

        copy = _copied(value)
        self.wait()  # one copy at a time

        def write() -> None:
            self.folder.write_large(name, lambda file: torch.save(copy, file))
            then()

        if self._writer is None:
            self._writer = ThreadPoolExecutor(1, thread_name_prefix="checkpoint")
        self._pending = self._writer.submit(write)

    def _read(self, name: str) -> dict[str, Any]:
        import torch

        with self.folder.open_large(name) as file:
            return torch.load(file, map_location="cpu", weights_only=True)


def _copied(value: Any) -> Any:
    """The same with every tensor copied to the CPU: training goes on while it is written."""
    import torch

    if isinstance(value, torch.Tensor):
        return value.detach().to("cpu", copy=True)
    if isinstance(value, Mapping):
        return {key: _copied(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(_copied, value))
    return value
