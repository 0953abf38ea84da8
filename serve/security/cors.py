"""Which pages of other origins may ask: none, unless they are named."""

from __future__ import annotations

import re

from starlette.middleware.cors import CORSMiddleware

ORIGIN = re.compile(r"https?://(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(:\d{1,5})?")


def checked_origins(origins: tuple[str, ...]) -> tuple[str, ...]:
    """The origins as they are. Raises ValueError for one that no browser would send, and for `*`."""
    for origin in origins:
        if not ORIGIN.fullmatch(origin):
            raise ValueError(f"an origin reads https://host or https://host:port, in small letters, not {origin!r}")
    return origins


def with_cors(app, origins: tuple[str, ...]):
    """Closed, which is to say without any CORS header, where no origin is named."""
    if not origins:
        return app
    return CORSMiddleware(
        app,
        allow_origins=list(checked_origins(origins)),
        allow_methods=["GET", "POST", "DELETE"],
        allow_headers=["Authorization", "Content-Type", "X-Request-ID", "X-Request-Timeout"],
        expose_headers=["Retry-After", "WWW-Authenticate", "X-Request-ID"],
        max_age=600,
    )
