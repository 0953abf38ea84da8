"""What a stopped run goes on from: the trained weights, the optimizer and the progress, on a disk or in a store."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from pipelines.output_folder import OutputFolder

_STATE, _BEST = "step", "best"
_NAME = re.compile(rf"({_STATE}|{_BEST})-(\d+)\.pt")


class Checkpoints:
    """The last states and the best weights of one run. Only one process writes; all may read.

    Files are complete or not there at all. They are written in the background, one after the other, from a copy of
    what is saved; `close` waits for them. What could not be written is raised by the next call. `allowed` is called
    before each is written, and raises where this process is no longer the one that writes.
    """

    def __init__(self, folder: OutputFolder, keep: int = 1, allowed: Callable[[], None] = lambda: None) -> None:
        self.folder, self.keep, self.allowed = folder, keep, allowed
        self._writer: ThreadPoolExecutor | None = None
        self._pending: Future[None] | None = None

    @property
    def last_step(self) -> int:
        """How many steps the last complete checkpoint has behind it; 0 if there is none."""
        return max(self._steps(_STATE), default=0)

    def save(self, step: int, state: Mapping[str, Any]) -> None:
        """Keeps `state` (tensors and plain values) as the state after `step` steps; old ones go afterwards."""
        self._write(_name(_STATE, step), state, then=self._forget_old)

    def load(self, step: int | None = None) -> dict[str, Any] | None:
        """The state after `step` steps (default: the last), on the CPU; None after 0.

        Nothing but tensors and plain values is ever unpickled. Raises ValueError if the file is damaged; says which
        one to remove.
        """
        step = self.last_step if step is None else step
        return self._read(_name(_STATE, step)) if step else None

    def save_best(self, step: int, weights: Mapping[str, Any]) -> None:
        """Keeps `weights` as better than all before `step`."""
        self._write(_name(_BEST, step), weights)

    def load_best(self) -> dict[str, Any] | None:
        """The last weights that `save_best` kept."""
        self.wait()
        step = max(self._steps(_BEST), default=None)
        return None if step is None else self._read(_name(_BEST, step))

    def forget_after(self, step: int) -> None:
        """Removes best weights of steps that will be done again: they may come out otherwise."""
        for later in self._steps(_BEST):
            if later > step:
                self.folder.remove(_name(_BEST, later))

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

    def _steps(self, kind: str) -> list[int]:
        found = map(_NAME.fullmatch, self.folder.names())
        return sorted(int(name[2]) for name in found if name and name[1] == kind)

    def _forget_old(self) -> None:
        states, best = self._steps(_STATE), self._steps(_BEST)
        for step in states[: -self.keep]:
            self.folder.remove(_name(_STATE, step))
        # a run may go on from any state that is left, with the weights that were the best until then
        replaced = [step for step in best if step <= states[-self.keep :][0]][:-1]
        for step in replaced:
            self.folder.remove(_name(_BEST, step))

    def _write(self, name: str, value: Mapping[str, Any], then: Callable[[], None] = lambda: None) -> None:
        import torch

        self.wait()  # memory for one copy at a time
        copy = _copied(value)

        def write() -> None:
            self.allowed()
            self.folder.write_large(name, lambda file: torch.save(copy, file))
            then()

        if self._writer is None:
            self._writer = ThreadPoolExecutor(1, thread_name_prefix="checkpoint")
        self._pending = self._writer.submit(write)

    def _read(self, name: str) -> dict[str, Any]:
        import pickle
        import zipfile

        import torch

        with self.folder.open_large(name) as file:
            try:
                with zipfile.ZipFile(file) as parts:  # compares the sums of its parts, which torch does not
                    if damaged := parts.testzip():
                        raise zipfile.BadZipFile(damaged)
                file.seek(0)
                return torch.load(file, map_location="cpu", weights_only=True)
            except (zipfile.BadZipFile, RuntimeError, EOFError, pickle.UnpicklingError) as error:
                raise ValueError(
                    f"{self.folder.uri(name)}: expected a complete checkpoint, it is damaged ({_first_line(error)}); "
                    "remove it, and the run goes on from the one before, or from its start where there is none"
                ) from error


def _name(kind: str, step: int) -> str:
    return f"{kind}-{step:09d}.pt"


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


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
