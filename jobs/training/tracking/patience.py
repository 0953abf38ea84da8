"""How long MLflow's client waits: it tries again for minutes by default, which the sender does better."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

_SHORT = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "MLFLOW_HTTP_REQUEST_TIMEOUT": "10"}
_LONG = {**_SHORT, "MLFLOW_HTTP_REQUEST_TIMEOUT": "600"}  # a server passes files on before it answers
_ALWAYS = {"MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false"}


@contextmanager
def patience(*, long: bool = False) -> Iterator[None]:
    """While the block runs, a request of MLflow's client is tried once; what the environment had holds again after it."""
    settings = {**(_LONG if long else _SHORT), **_ALWAYS}
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
