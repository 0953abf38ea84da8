"""The logger of the served application: a child of Serve's, whose handlers write each line with its request's id."""

from __future__ import annotations

import logging
import traceback

# other loggers have no handler in a replica: theirs ends in the process's bare output
log = logging.getLogger("ray.serve.chex")


def where_and_what(fault: BaseException) -> str:
    """The stack and the type, without the message: it may quote what a client sent."""
    frames = traceback.extract_tb(fault.__traceback__)
    places = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    return " > ".join([*places, type(fault).__qualname__])
