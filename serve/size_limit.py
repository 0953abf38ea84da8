"""How large a request may be, and all that are being received together."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serve.gathering import Overloaded
from serve.observability.logs import log
from serve.problems import fault_response, problem_response


class _TooLarge(Exception):
    """This request, or all together."""


class SizeLimit:
    """Refuses a request body beyond `most_bytes`: by its declared length, and by what really arrives.

    Uploads, the requests to `upload_paths`, may have `most_upload_bytes`. Bodies that are here at a time may have
    `most_bytes_together`; what does not fit is told to come back.
    """

    def __init__(
        self,
        app: ASGIApp,
        most_bytes: int,
        upload_paths: tuple[str, ...],
        most_upload_bytes: int,
        most_bytes_together: int,
    ):
        self._app, self._most_bytes = app, most_bytes
        self._upload_paths, self._most_upload_bytes = upload_paths, most_upload_bytes
        self._most_bytes_together, self._bytes_here = most_bytes_together, 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        most_bytes = self._most_upload_bytes if _path(scope) in self._upload_paths else self._most_bytes
        too_large = problem_response(413, f"the request is larger than the limit of {most_bytes} bytes")
        if not declared.isdigit() or len(declared) > 15 or int(declared) > most_bytes:
            await too_large(scope, receive, send)
            return
        arrived, answered, refusal = 0, False, None

        async def counted() -> Message:
            nonlocal arrived, refusal
            message = await receive()
            size = len(message.get("body", b""))
            arrived += size
            self._bytes_here += size
            if arrived > most_bytes:
                refusal = too_large
            elif self._bytes_here > self._most_bytes_together:
                refusal = fault_response(Overloaded())
            if refusal is not None:
                raise _TooLarge
            return message

        async def noted(message: Message) -> None:
            nonlocal answered
            # whatever the application makes of the broken-off body, the answer is the refusal below
            if answered or refusal is None:
                answered = True
                await send(message)

        try:
            await self._app(scope, counted, noted)
        except _TooLarge:
            log.info("a request was broken off at a size limit")
        finally:
            self._bytes_here -= arrived
        if refusal is not None and not answered:
            await refusal(scope, receive, send)


def _path(scope: Scope) -> str:
    """Below where the application is mounted."""
    return scope["path"].removeprefix(scope.get("root_path", ""))
