"""Keeps a worker process alive: one that dies is replaced, and an image that kills it again when alone is put aside."""

from __future__ import annotations

import logging
import multiprocessing
import threading
import time
from collections import Counter
from collections.abc import Callable
from multiprocessing.synchronize import Event

from jobs.routing.queue import Queue
from jobs.routing.worker import Work, in_work, note_work, work_until

DEATHS = 2  # of a worker that has nothing but this image
_FIRST_WAIT, _LONGEST_WAIT = 1.0, 60.0  # seconds until the next worker starts
_PARTING = 30.0  # seconds a worker has for the batch that it is at

log = logging.getLogger(__name__)


class WorkerNotStarted(RuntimeError):
    """The model or the prompts cannot be used; the worker's log says why."""


class Supervisor:
    def __init__(self, queue: Queue, work: Work, worker: Callable[[Event, Event, Work], None] = work_until) -> None:
        """Returns once the model is ready. Raises WorkerNotStarted if it never will be.

        `worker`: the main function of the process.
        """
        self._queue, self._work, self._worker = queue, work, worker
        self._context = multiprocessing.get_context("spawn")  # a fork would copy the locks of this process's threads
        self._stopping, self._ready = self._context.Event(), self._context.Event()
        self._deaths: Counter[str] = Counter()
        self._process = self._new_process()
        while not self._ready.wait(0.1):
            if not self._process.is_alive():
                raise WorkerNotStarted("the worker did not start")
        self._thread = threading.Thread(target=self._watch, name="supervisor", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Lets the worker finish its batch; what it does not finish in time waits for the next start."""
        self._stopping.set()
        self._thread.join()
        self._process.join(_PARTING)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()

    def _watch(self) -> None:
        wait = _FIRST_WAIT
        started = time.monotonic()
        while not self._stopping.wait(0.2):
            if self._process.is_alive():
                continue
            log.error("the worker died (%s)", _cause(self._process.exitcode))
            try:
                self._blame()
            except OSError:
                log.exception("the queue cannot be written")
            wait = _FIRST_WAIT if time.monotonic() - started > _LONGEST_WAIT else min(2 * wait, _LONGEST_WAIT)
            if self._stopping.wait(wait):
                return
            self._process, started = self._new_process(), time.monotonic()

    def _new_process(self) -> multiprocessing.Process:
        process = self._context.Process(
            target=self._worker, args=(self._stopping, self._ready, self._work), name="worker", daemon=True
        )
        process.start()
        return process

    def _blame(self) -> None:
        keys = in_work(self._work.queue)
        if len(keys) != 1:
            return  # whoever it was, the next worker takes them one by one
        self._deaths[keys[0]] += 1
        if self._deaths[keys[0]] >= DEATHS:
            cause = _cause(self._process.exitcode)
            self._queue.quarantine(keys[0], "report", f"the process that made its report died ({cause})")
            note_work(self._work.queue, [])


def _cause(exit_code: int) -> str:
    return f"signal {-exit_code}" if exit_code < 0 else f"status {exit_code}"
