"""A worker that dies, as of a bug in a decoder, of every image that says POISON."""

from __future__ import annotations

import os
import signal

from jobs.routing import reporter
from jobs.routing.worker import work_until


def work_until_poisoned(stop, ready, work) -> None:
    read = reporter._read

    def reading(file):
        if b"POISON" in file.read_bytes():
            os.kill(os.getpid(), signal.SIGSEGV)
        return read(file)

    reporter._read = reading
    work_until(stop, ready, work)
