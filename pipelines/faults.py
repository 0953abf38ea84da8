"""What a log may say of an unforeseen fault."""

from __future__ import annotations

import traceback


def where_and_what(fault: BaseException) -> str:
    """The stack and the type, without the message: it may quote a header, or what a client sent."""
    frames = traceback.extract_tb(fault.__traceback__)
    places = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    return " > ".join([*places, type(fault).__qualname__])
