"""Bearer tokens (RFC 6750): whoever asks shows a key, except where there are none and the connection is local."""

from __future__ import annotations

from typing import Protocol

from serve.observability.requests import current
from serve.problems import problem_response
from serve.security.loopback import refusal_off_loopback

# the page has to load before a token can be typed into it; /healthz and the API's description tell nothing of patients
OPEN_PATHS = ("/", "/docs", "/healthz", "/openapi.json")
OPEN_FOLDERS = ("/viewer/",)
CHALLENGE = 'Bearer realm="chex-ray"'
LOCAL = "loopback"  # who asks where there are no keys


class Keys(Protocol):
    def name_of(self, token: str) -> str | None: ...


class Authentication:
    """Passes on what a valid key, or without keys this machine itself, asks; answers 401 or 403 to everything else.

    The methods of the open paths are open, too: no path there changes anything.
    """

    def __init__(self, app, *, keys: Keys | None, origins: tuple[str, ...] = ()):
        self._app, self._keys, self._origins = app, keys, origins

    async def __call__(self, scope, receive, send):
        refusal = self._refusal(scope)
        await (self._app if refusal is None else refusal)(scope, receive, send)

    def _refusal(self, scope):
        if self._keys is None:
            reason = refusal_off_loopback(scope, self._origins)
            current().caller = LOCAL if reason is None else None
            if reason is None:
                return None
            return problem_response(403, f"this server has no keys and answers its own machine only: {reason}")
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        if path in OPEN_PATHS or path.startswith(OPEN_FOLDERS):
            return None
        token = bearer_token(scope["headers"])
        current().caller = self._keys.name_of(token) if token else None
        if current().caller is not None:
            return None
        if token is None:
            detail = "a key is needed: send the header `Authorization: Bearer TOKEN`"
            return problem_response(401, detail, headers={"WWW-Authenticate": CHALLENGE})
        headers = {"WWW-Authenticate": f'{CHALLENGE}, error="invalid_token"'}
        return problem_response(401, "this token is not, or no longer, valid", headers=headers)


def bearer_token(headers: list[tuple[bytes, bytes]]) -> str | None:
    """The token of exactly one Authorization header of the scheme Bearer; None for anything else."""
    presented = [value for name, value in headers if name == b"authorization"]
    if len(presented) != 1:
        return None
    scheme, _, token = presented[0].decode("latin-1").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None
