"""The thread that tells MLflow what the outbox holds, in order, again and again until it was heard."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from jobs.training.tracking.outbox import Outbox

PAUSES = (0.5, 1, 2, 4, 8)  # seconds after a failure; the last one from then on
MOST_TOGETHER = 200  # entries with metrics that go out as one
LAST_WAIT = 60.0  # seconds, at the end of a run, for a server that answered before
SHORT_WAIT = 5.0  # for one that never did
LONGEST_DELIVERY = 1800.0  # a large model takes its time
logger = logging.getLogger(__name__)


class Refused(Exception):
    """The server answers, and will not take this entry, however often it is sent."""


class Receiver(Protocol):
    """Who the entries are for. Both methods may be called again with what was heard already."""

    def open(self) -> None:
        """Makes itself ready; raises anything as long as that is not possible."""

    def receive(self, entries: Sequence[Mapping[str, Any]]) -> None:
        """One entry, or several with metrics. Raises Refused, or anything else where it should be tried again."""


class Sender:
    """Sends from its own thread; nobody waits for it before `close`."""

    def __init__(self, outbox: Outbox, receiver: Receiver, *, name: str) -> None:
        self._outbox, self._receiver, self._name = outbox, receiver, name
        self._news, self._closing, self._stopped = threading.Event(), threading.Event(), threading.Event()
        self._opened = self._failing = self._sending = False
        self._progress = time.monotonic()
        self._thread = threading.Thread(target=self._work, daemon=True, name="mlflow")
        self._thread.start()

    def wake(self) -> None:
        """Tells that the outbox has something new."""
        self._news.set()

    def close(self) -> int:
        """Waits until everything is sent, but for a server that does not answer only a while; gives what is left."""
        self._progress = time.monotonic()
        self._closing.set()
        self._news.set()
        while self._thread.is_alive() and time.monotonic() - self._progress < self._patience():
            self._thread.join(0.05)
        self._stopped.set()
        try:
            self._outbox.keep()
        except Exception as error:  # noqa: BLE001  the run itself went well
            logger.warning("what MLflow was not told could not be kept in %s: %s", self._outbox.place.root, error)
        return len(self._outbox.waiting())

    def abandon(self) -> None:
        """Sends nothing more; what is being sent arrives or does not."""
        self._stopped.set()
        self._news.set()

    def _patience(self) -> float:
        if self._sending and not self._failing:
            return LONGEST_DELIVERY if self._opened else LAST_WAIT
        return LAST_WAIT if self._opened else SHORT_WAIT

    def _work(self) -> None:
        failures = 0
        while not self._stopped.is_set():
            self._news.clear()
            try:
                self._send_all()
            except Exception as error:  # noqa: BLE001  a tracker that is down must not cost the training
                failures, self._failing = failures + 1, True
                self._tell(error, failures)
                self._stopped.wait(PAUSES[min(failures, len(PAUSES)) - 1])
                continue
            if failures:
                logger.info("MLflow (%s) answers again", self._name)
            failures = 0
            if self._closing.is_set() and not self._outbox.waiting():
                return
            self._news.wait()

    def _send_all(self) -> None:
        self._sending = True
        try:
            if not self._opened:
                self._receiver.open()
                self._opened = True
            names = self._outbox.waiting()
            while names and not self._stopped.is_set():
                names = self._send_some(names)
                self._progress, self._failing = time.monotonic(), False
        finally:
            self._sending = False

    def _send_some(self, names: Sequence[str]) -> Sequence[str]:
        """Sends the first entry, and with metrics those that follow; gives the names of the others."""
        together: list[dict[str, Any]] = []
        for name in names[:MOST_TOGETHER]:
            entry = self._outbox.read(name)
            if entry is None or together and "metrics" != entry["kind"]:
                break
            together.append(entry)
            if entry["kind"] != "metrics":
                break
        if together:
            self._deliver(together)
        done = max(1, len(together))  # an entry that cannot be read goes, too
        for name in names[:done]:
            self._outbox.remove(name)
        return names[done:]

    def _deliver(self, entries: Sequence[Mapping[str, Any]]) -> None:
        try:
            self._receiver.receive(entries)
        except Refused as refusal:
            if len(entries) == 1:
                logger.warning("MLflow does not take the %s: %s", entries[0]["kind"], refusal)
            else:
                for entry in entries:  # only some of them are refused
                    self._deliver([entry])

    def _tell(self, error: Exception, failures: int) -> None:
        if failures == 1:
            logger.warning(
                "training goes on without MLflow (%s), which will hear later what it misses: %s", self._name, error
            )
        try:
            self._outbox.keep()
        except Exception as fault:  # noqa: BLE001  tried again after the next failure
            logger.debug("%s: %s", self._outbox.place.root, fault)
