"""How long MLflow's client waits: it tries again for minutes by default, which the sender does better."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

SHORT, LONG = 10, 300  # seconds for an answer; a server passes files on before it answers
_TIMEOUT = "MLFLOW_HTTP_REQUEST_TIMEOUT"
_SETTINGS = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}
_lock = threading.Lock()
_timeouts: list[int] = []  # of those who are at it now: the environment is that of all threads
_before: dict[str, str | None] = {}


@contextmanager
def patience(*, long: bool = False) -> Iterator[None]:
    """While the block runs, MLflow's client tries a request once and prints nothing; then all is as it was before."""
    timeout = LONG if long else SHORT
    with _lock:
        if not _timeouts:
            _before.update({name: os.environ.get(name) for name in (_TIMEOUT, *_SETTINGS)})
            os.environ.update(_SETTINGS)
        _timeouts.append(timeout)
        os.environ[_TIMEOUT] = str(max(_timeouts))
    try:
        yield
    finally:
        with _lock:
            _timeouts.remove(timeout)
            if _timeouts:
                os.environ[_TIMEOUT] = str(max(_timeouts))
            else:
                _restore()


def _restore() -> None:
    for name, value in _before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
