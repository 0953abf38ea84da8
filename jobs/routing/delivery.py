"""Takes reports from the queue to their destination, for as long as it takes."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter

from jobs.routing.destination import Away, Destination, NotNow, Rejected
from jobs.routing.queue import Queue
from pipelines.faults import where_and_what

FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0  # seconds between tries while the destination is away
TRIES = 3  # of a report that is not taken
LONGEST_PUT_OFF = 900.0  # seconds between tries of a report that is not taken now
PATIENCE = 3 * 86400.0  # seconds with such a report: as long as a disk may stay full over a weekend
_LOOK = 0.3  # seconds between looks for new reports

log = logging.getLogger(__name__)


class Delivery:
    """Runs until `stop`; what is not delivered by then stays in the queue."""

    def __init__(self, queue: Queue, destination: Destination) -> None:
        self._queue, self._destination = queue, destination
        self._stopping = threading.Event()
        self._wait = 0.0  # seconds; more than 0 while the destination is away
        self._tries: Counter[str] = Counter()
        self._since: dict[str, float] = {}  # when those that are not taken now were tried first
        self._due: dict[str, float] = {}
        self._thread = threading.Thread(target=self._run, name="delivery", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._deliver_all()
            except OSError:
                log.exception("the queue cannot be read or written")
                self._stopping.wait(LONGEST_WAIT)
            self._stopping.wait(self._wait or _LOOK)
        self._destination.close()

    def _deliver_all(self) -> None:
        keys = [key for key in self._queue.outgoing() if self._due.get(key, 0.0) <= time.monotonic()]
        for key in keys:
            if self._stopping.is_set() or not self._deliver(key):
                return
        if not keys:
            self._destination.close()

    def _deliver(self, key: str) -> bool:
        """False if there is no point in trying the next one now."""
        report = self._queue.report(key)
        try:
            self._destination.send(report)
        except Away as away:
            if not self._wait:
                log.warning("the destination is away (%s); reports wait", away)
            self._wait = min(2 * self._wait, LONGEST_WAIT) or FIRST_WAIT
            return False
        except NotNow as problem:
            self._put_off(key, str(problem))
        except Rejected as problem:
            self._count_against(key, str(problem))
        except Exception as fault:  # noqa: BLE001  one report must not hold up the others
            log.error("an unforeseen fault while delivering report %s: %s", key[:12], where_and_what(fault))
            self._count_against(key, f"unforeseen fault ({type(fault).__name__})")
            return True  # who knows whether anybody is there
        else:
            self._queue.put_delivered(key)
            self._forget(key)
            log.info("report %s delivered", key[:12])
        if self._wait:
            log.info("the destination is there again")
        self._wait = 0.0
        return True

    def _put_off(self, key: str, reason: str) -> None:
        now = time.monotonic()
        waited = now - self._since.setdefault(key, now)
        if waited < PATIENCE:
            wait = min(max(waited, FIRST_WAIT), LONGEST_PUT_OFF)  # as long again as it waited already
            log.warning("report %s is not taken now (%s), next try in %.0f s", key[:12], reason, wait)
            self._due[key] = now + wait
        else:
            self._put_aside(key, reason)

    def _count_against(self, key: str, reason: str) -> None:
        self._tries[key] += 1
        log.warning("report %s is not taken (%s), try %d of %d", key[:12], reason, self._tries[key], TRIES)
        if self._tries[key] < TRIES:
            self._due[key] = time.monotonic() + FIRST_WAIT * 4 ** self._tries[key]
        else:
            self._put_aside(key, reason)

    def _put_aside(self, key: str, reason: str) -> None:
        self._queue.quarantine(key, "deliver", f"the destination does not take the report: {reason}")
        self._forget(key)

    def _forget(self, key: str) -> None:
        self._tries.pop(key, None)
        self._since.pop(key, None)
        self._due.pop(key, None)
