"""Puts listener, worker and delivery together, from the start to a graceful stop."""

from __future__ import annotations

import fcntl
import logging
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from jobs.routing.config import Routing
from jobs.routing.delivery import Delivery
from jobs.routing.destination import destination_of
from jobs.routing.listener import Listener
from jobs.routing.queue import Counts, Queue
from jobs.routing.supervisor import Supervisor
from jobs.routing.transport_security import server_context
from jobs.routing.worker import Work, alone

_LOCK = "listener.lock"
_DAY = 86400.0  # seconds
RECEIPTS_KEPT = 30 * _DAY  # an image that comes again later is reported on again, under the same UID
_INCOMING_KEPT = 600.0  # seconds since a sender's last byte; an association without one is closed long before
_SWEEP = 3600.0

log = logging.getLogger(__name__)


class QueueInUse(RuntimeError):
    """Another listener works on this queue."""


def run_until_stopped(routing: Routing) -> Counts:
    """Listens until SIGTERM or SIGINT; then ends what is under way, and returns what the queue holds.

    Raises:
        QueueInUse, WorkerNotStarted: nothing was taken in.
        OSError: the address cannot be listened on, or the queue's folder not be written.
    """
    stop, folder = threading.Event(), Path(routing.queue)
    with _only_listener(folder):
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        with alone(folder):
            queue = Queue(folder, keep_free=routing.keep_free)
            queue.recover()
        work = Work(folder, routing.model, routing.prompts, routing.format, routing.batch_size, routing.device)
        supervisor = Supervisor(queue, work)
        try:
            destination = destination_of(routing.deliver, ae_title=routing.ae_title, tls_files=routing.tls_files)
            delivery = Delivery(queue, destination)
            try:
                _listen(routing, queue, stop)
            finally:
                delivery.stop()
        finally:
            supervisor.stop()
        return queue.counts()


def _listen(routing: Routing, queue: Queue, stop: threading.Event) -> None:
    tls = None
    if routing.tls_certificate:
        tls = server_context(routing.tls_certificate, routing.tls_key, routing.tls_authorities)
    listener = Listener(
        queue,
        (routing.host, routing.port),
        ae_title=routing.ae_title,
        callers=routing.allow,
        sop_classes=routing.sop_classes,
        associations=routing.associations,
        tls=tls,
    )
    log.info("%s listens on %s port %d", routing.ae_title, routing.host, listener.port)
    while True:
        try:
            queue.sweep(receipts_older_than=RECEIPTS_KEPT, incoming_older_than=_INCOMING_KEPT)
        except OSError:
            log.exception("the queue cannot be swept")
        if stop.wait(_SWEEP):
            break
    log.info("stopping")
    listener.stop()


def is_listening(folder: Path) -> bool:
    """Whether a listener works on this queue at the moment."""
    with open(folder / _LOCK, "w") as lock:
        return not _locked(lock, fcntl.LOCK_SH)


@contextmanager
def _only_listener(folder: Path) -> Iterator[None]:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with open(folder / _LOCK, "w") as lock:
        # one who only asks whether a listener is there holds it for a moment
        if not any(_locked(lock, fcntl.LOCK_EX) or time.sleep(0.1) for _ in range(5)):
            raise QueueInUse(f"another listener works on the queue {folder}")
        yield


def _locked(lock: IO, kind: int) -> bool:
    try:
        fcntl.flock(lock, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
