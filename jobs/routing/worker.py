"""The process that makes reports: takes images from the queue as they are, a batch at a time, and puts reports into it."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.synchronize import Event
from pathlib import Path

from jobs.routing.queue import Queue
from pipelines.faults import where_and_what

NOT_STARTED = 3  # exit status: the model or the prompts cannot be used
_LOCK, _IN_WORK = "worker.lock", "in-work.json"
_LOOK = 0.2  # seconds between looks for new images
_AFTER_A_FAULT = 10.0  # seconds

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Work:
    """What a worker is told."""

    queue: Path
    model: str
    prompts: str | None  # a prompt file; None: the default prompt set
    format: str
    batch_size: int
    device: str


def work_until(stop: Event, ready: Event, work: Work) -> None:
    """The main function of the process: it ends when told to, or with the process that started it."""
    from jobs.routing.process import end_with_parent, leave_signals_to_parent, set_up_logging

    set_up_logging()
    leave_signals_to_parent()
    end_with_parent()
    with alone(work.queue):
        queue = Queue(work.queue)
        try:
            from jobs.routing.reporter import Reporter

            reporter = Reporter(work.model, work.prompts, work.format, work.device)
        except (ValueError, OSError, RuntimeError) as fault:
            log.error("%s", fault)
            sys.exit(NOT_STARTED)
        ready.set()
        # what a worker died of comes again, each image alone, so that it is known which one it was
        suspects = in_work(work.queue)
        while not stop.is_set():
            keys = [suspects.pop(0)] if suspects else queue.waiting(work.batch_size)
            keys = [key for key in keys if queue.image(key).exists()]
            if not keys and not suspects:
                stop.wait(_LOOK)
                continue
            try:
                note_work(work.queue, keys)
                report_on(queue, reporter, keys)
                note_work(work.queue, suspects)
            except OSError:  # a full disk is no image's fault
                log.exception("the queue cannot be read or written")
                stop.wait(_AFTER_A_FAULT)


def report_on(queue: Queue, reporter, keys: Sequence[str]) -> None:
    """Each image leaves `waiting`, whatever is in it."""
    from jobs.routing.reporter import NotReported, Unusable

    if not keys:
        return
    try:
        results = reporter([queue.image(key) for key in keys])
    except Exception as fault:  # noqa: BLE001  whatever an image brings about, it leaves `waiting`
        if len(keys) > 1:  # one of them is at fault, and the others must not suffer for it
            for key in keys:
                report_on(queue, reporter, [key])
            return
        log.error("an unforeseen fault while reporting on image %s: %s", keys[0][:12], where_and_what(fault))
        results = [Unusable("report", f"unforeseen fault ({type(fault).__name__})")]
    for key, result in zip(keys, results, strict=True):
        if isinstance(result, bytes):
            queue.put_report(key, result)
        elif isinstance(result, NotReported):
            queue.put_no_report(key, result.reason)
            log.info("image %s gets no report: %s", key[:12], result.reason)
        else:
            queue.quarantine(key, result.stage, result.reason)
            log.warning("image %s is put aside: %s: %s", key[:12], result.stage, result.reason)


def in_work(folder: Path) -> list[str]:
    """The keys that the last worker was at when it ended; [] if it ended in peace."""
    try:
        return json.loads((folder / _IN_WORK).read_bytes())
    except (FileNotFoundError, ValueError):
        return []


def note_work(folder: Path, keys: Sequence[str]) -> None:
    unfinished = folder / f"{_IN_WORK}.unfinished"
    unfinished.write_text(json.dumps(list(keys)))
    os.replace(unfinished, folder / _IN_WORK)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """While the block runs no other worker is at this queue; waits for one that was orphaned a moment ago."""
    with open(folder / _LOCK, "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
