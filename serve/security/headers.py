"""Headers that tell browsers to be careful, on every answer."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders

PAGE_POLICY = (
    "default-src 'self'; img-src 'self' blob: data:; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'self'"
)
ANSWER_POLICY = "default-src 'none'; frame-ancestors 'none'"  # JSON, events and pictures load nothing
ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
STATIC = "/viewer/"


class SecurityHeaders:
    """Adds what the application has not said itself. Answers may hold what is known of a patient: no cache keeps them."""

    def __init__(self, app):
        self._app = app

    async def __call__(self, scope, receive, send):
        # a new version of the page must not meet the old one's script: kept, but asked for each time
        caching = (
            "no-cache" if scope["path"].removeprefix(scope.get("root_path", "")).startswith(STATIC) else "no-store"
        )

        async def with_headers(message):
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                is_page = headers.get("content-type", "").startswith("text/html")
                policy = {"Content-Security-Policy": PAGE_POLICY if is_page else ANSWER_POLICY}
                for name, value in (ALWAYS | policy | {"Cache-Control": caching}).items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, with_headers)
