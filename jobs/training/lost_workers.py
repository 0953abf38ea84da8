"""What Ray Train says of workers that failed, for the one who has to decide what to do."""

from __future__ import annotations

import logging

logger = logging.getLogger(__name__)


def failure_told(error: Exception) -> str:
    """What went wrong, worker by worker: an error that explains itself as it is, any other with its traceback."""
    logger.debug("%s", error)
    failures = getattr(error, "worker_failures", None)
    if not failures:
        return str(error)
    return "; ".join(f"worker {rank}{_told(failure)}" for rank, failure in sorted(failures.items()))


def _told(failure: Exception) -> str:
    raised = getattr(failure, "_base_exc", None)
    if raised is None:
        return " was lost (killed, out of memory, or its node is gone)"
    return f": {raised if isinstance(raised, ValueError | OSError | RuntimeError) else failure}"
