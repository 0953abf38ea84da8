"""Everything between the port and the routes, from outside in: request id, headers, CORS, audit, keys, rate."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from serve.observability.audit import Audit
from serve.observability.logs import log
from serve.observability.request_id import RequestId
from serve.security.authentication import LOCAL, Authentication
from serve.security.cors import checked_origins, with_cors
from serve.security.headers import SecurityHeaders
from serve.security.keys import KeyFile, KeyRing
from serve.security.rate_limit import RateLimit

KEYS_VARIABLE = "CHEX_KEYS"  # lines `NAME sha256:HEX`, where there is no file


@dataclass(frozen=True, slots=True)
class GuardSettings:
    """Who may ask, how often and from where. Without keys only this machine is answered."""

    keys_file: str | None = None
    keys_lines: str | None = None
    cors_origins: tuple[str, ...] = ()
    requests_per_second: float = 50.0
    burst: int = 100
    audit_texts: bool = False

    @classmethod
    def checked(cls, *, keys_file: str | None, cors_origins: tuple[str, ...], **rest) -> GuardSettings:
        """Raises OSError or ValueError where replicas would not be able to start with these settings."""
        lines = os.environ.get(KEYS_VARIABLE)
        if keys_file and lines:
            raise ValueError(f"keys come from a file or from {KEYS_VARIABLE}, not from both")
        settings = cls(
            keys_file=str(Path(keys_file).absolute()) if keys_file else None,
            keys_lines=lines or None,
            cors_origins=checked_origins(tuple(cors_origins)),
            **rest,
        )
        if settings.keys() is None:
            log.warning("no keys: this server answers its own machine only, and everybody on it")
        return settings

    def keys(self) -> KeyFile | KeyRing | None:
        if self.keys_file:
            return KeyFile(Path(self.keys_file))
        if self.keys_lines:
            return KeyRing.of_lines(self.keys_lines.replace(",", "\n").splitlines(), KEYS_VARIABLE)
        return None


class Guard:
    """The whole stack as one ASGI middleware: everything that the settings put around an application.

    It is added last, which makes it the outermost.
    """

    def __init__(self, app, *, settings: GuardSettings):
        self._app = app
        app = RateLimit(app, rate=settings.requests_per_second, burst=settings.burst, uncounted=LOCAL)
        app = Authentication(app, keys=settings.keys(), origins=settings.cors_origins)
        self._stack = RequestId(SecurityHeaders(with_cors(Audit(app), settings.cors_origins)))

    async def __call__(self, scope, receive, send):
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":  # nothing here speaks it
            await send({"type": "websocket.close", "code": 1008})
        else:
            await self._stack(scope, receive, send)
