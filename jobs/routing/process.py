"""What the processes of a listener have in common: how they log, and how they end."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import sys
import threading
import warnings


def set_up_logging() -> None:
    """Lines on stderr that name no patient: libraries that quote what they read are kept quiet."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("jobs.routing").setLevel(logging.INFO)
    for library in ("pydicom", "pynetdicom", "dicomweb_client", "urllib3"):
        logging.getLogger(library).setLevel(logging.CRITICAL)
    warnings.simplefilter("ignore")


def leave_signals_to_parent() -> None:
    """A terminal and a service manager signal to all processes at once; the parent tells this one when to stop."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def end_with_parent() -> None:
    """A parent that was killed cannot say stop."""

    def wait() -> None:
        multiprocessing.parent_process().join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
