"""What is known of the request being answered: found from anywhere in its task, kept by the outermost middleware."""

from __future__ import annotations

import re
import uuid
from contextvars import ContextVar
from dataclasses import dataclass, field

WELL_FORMED = re.compile(rb"[A-Za-z0-9._:=+/-]{1,128}")
HEADER = "X-Request-ID"


@dataclass(slots=True)
class RequestRecord:
    """One request; `caller` is the name of its key, `facts` is what the audit log says of it beyond the connection."""

    request_id: str | None = None
    caller: str | None = None
    facts: dict[str, object] = field(default_factory=dict)


_current: ContextVar[RequestRecord | None] = ContextVar("request", default=None)


def current() -> RequestRecord:
    """The record of this task's request; outside of any, one that nobody looks at."""
    return _current.get() or RequestRecord()


def begin(record: RequestRecord):
    return _current.set(record)


def end(token) -> None:
    _current.reset(token)


def note(**facts: object) -> None:
    """Adds to the audit log's line of this request. Nothing that a person typed, and nothing from inside a file."""
    current().facts.update(facts)


def note_image(sha256: str) -> None:
    """A request may be about several."""
    current().facts.setdefault("images", []).append(sha256)


def new_id() -> str:
    return str(uuid.uuid4())
