"""The run's own record: one JSON line per logged step, and how such a line reads in a job's log."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from itertools import takewhile
from typing import Any

from jobs.training.run_folder import JOURNAL, Superseded
from pipelines.output_folder import OutputFolder
from pipelines.stores import StoreUnreachable

PAUSE = 5.0  # seconds between two looks at a journal in a store
Entry = dict[str, Any]
logger = logging.getLogger(__name__)


class Journal:
    """Appends entries to JOURNAL; the entries after `step` of an interrupted run are dropped when it goes on there.

    `allowed` is called before anything is written, and raises where this process is no longer the one that writes.
    """

    def __init__(
        self, folder: OutputFolder, *, start_step: int = 0, allowed: Callable[[], None] = lambda: None
    ) -> None:
        self.folder, self.allowed = folder, allowed
        self.step = start_step
        self._lock = threading.RLock()  # warnings come from other threads, too
        kept = [entry for entry in read_journal(folder) if entry["step"] <= start_step]
        self._text = "".join(json.dumps(entry) + "\n" for entry in kept)
        self._written = 0.0
        self.flush()

    def metrics(self, step: int, values: Mapping[str, float]) -> None:
        self.step = step
        self._append(values)

    def notice(self, text: str) -> None:
        """A sentence that a person should read, at the step reached."""
        self._append({"notice": text})

    def flush(self) -> None:
        """Writes everything that was said so far."""
        with self._lock:
            self._written = time.monotonic()
            self.allowed()
            self.folder.write(JOURNAL, self._text.encode())

    def close(self) -> None:
        """Writes what is not written yet, if that is still possible: the run has ended, for a reason of its own."""
        try:
            self.flush()
        except (OSError, StoreUnreachable, Superseded) as fault:
            logger.warning("the end of the journal is lost: %s", fault)

    def _append(self, values: Mapping[str, Any]) -> None:
        with self._lock:
            self._append_alone(values)

    def _append_alone(self, values: Mapping[str, Any]) -> None:
        line = json.dumps({"step": self.step, "time": round(time.time(), 3), **values}) + "\n"
        self._text += line
        if self.folder.is_local:
            self.allowed()
            with open(self.folder.uri(JOURNAL), "a", encoding="utf-8") as file:
                file.write(line)
        elif time.monotonic() - self._written > PAUSE:  # nothing can be appended in a store
            try:
                self.flush()
            except StoreUnreachable as fault:  # no reason to stop before the next checkpoint, which has to be written
                logger.warning("the journal is written later: %s", fault)


@contextmanager
def warnings_noted(journal: Journal) -> Iterator[None]:
    """The jobs' own warnings become notices: the log of a worker of Ray does not reach the one who waits."""

    class Notes(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            journal.notice(record.getMessage())

    notes, jobs = Notes(logging.WARNING), logging.getLogger("jobs")
    jobs.addHandler(notes)
    try:
        yield
    finally:
        jobs.removeHandler(notes)


def read_journal(folder: OutputFolder) -> list[Entry]:
    """All complete entries; an empty list if there is no journal yet."""
    lines = (folder.read(JOURNAL) or b"").decode().split("\n")
    return [json.loads(line) for line in lines[:-1] if line]


@contextmanager
def followed(
    folder: OutputFolder, listener: Callable[[Entry], None], *, interval: float | None = None
) -> Iterator[None]:
    """Calls `listener` with each entry that another process adds while the block runs, and once more at its end.

    What a store does not tell for a while is told later.
    """
    interval = (0.5 if folder.is_local else PAUSE) if interval is None else interval
    known = read_journal(folder)
    stop = threading.Event()

    def pass_on() -> None:
        nonlocal known
        try:
            entries = read_journal(folder)
        except StoreUnreachable:
            return  # the run itself says so, if it minds
        # steps that are done again, after an interruption, take the place of those that were lost
        alike = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(known, entries)))
        known = entries
        for entry in entries[alike:]:
            listener(entry)

    def watch() -> None:
        while not stop.wait(interval):
            pass_on()

    thread = threading.Thread(target=watch, daemon=True, name="journal")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        pass_on()


def sentence(entry: Mapping[str, Any], *, stage: str, steps: int) -> str:
    """One line for a person: "detector 150/3000 (5 %) loss 1.23 …", or the validation figures."""
    step = entry["step"]
    head = f"{stage} {step}/{steps} ({100 * step // steps} %)"
    if "notice" in entry:
        return f"{head}  {entry['notice']}"
    figures = {name: value for name, value in entry.items() if name.startswith("validate/")}
    if figures:
        return f"{head}  validation: " + ", ".join(f"{n.removeprefix('validate/')} {v:.4g}" for n, v in figures.items())
    if "train/loss" not in entry:
        return head
    left = timedelta(seconds=round((steps - step) * entry["seconds_per_step"]))
    waiting = 100 * entry["data_wait_seconds"] / max(entry["seconds_per_step"], 1e-9)
    return (
        f"{head}  loss {entry['train/loss']:.4g}  rate {entry['learning_rate']:.2g}  "
        f"{entry['samples_per_second']:.1f} samples/s ({waiting:.0f} % waiting for data)  {left} left"
    )
