"""A small application behind the real guard, in this process."""

from __future__ import annotations

from fastapi import FastAPI, HTTPException
from fastapi.responses import HTMLResponse, PlainTextResponse, StreamingResponse
from starlette.testclient import TestClient

from serve.problems import explain_errors
from serve.security.guard import Guard, GuardSettings
from serve.security.new_key import line_of

TOKENS = {"ward-3": "chex_" + "a" * 43, "research": "chex_" + "b" * 43}
LINES = "\n".join(line_of(name, token) for name, token in TOKENS.items())


def bearer(name: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {TOKENS[name]}"}


def client_of(settings: GuardSettings, *, address="127.0.0.1", host="127.0.0.1:8000", app: FastAPI | None = None):
    """A client that connects from `address` to `host`."""
    app = app or FastAPI()
    explain_errors(app)
    app.add_middleware(Guard, settings=settings)

    @app.get("/")
    async def page():
        return HTMLResponse("<p>page</p>")

    @app.get("/healthz")
    async def health():
        return {"status": "ok"}

    @app.get("/v1/images/{image_id}")
    async def image(image_id: str):
        return {"image_id": image_id}

    @app.get("/v1/broken")
    async def broken():
        raise KeyError("DOE^JANE")

    @app.get("/v1/missing")
    async def missing():
        raise HTTPException(404, "not here")

    @app.get("/v1/stream")
    async def stream():
        async def lines():
            yield "one\n"
            yield "two\n"

        return StreamingResponse(lines(), media_type="text/event-stream")

    @app.get("/v1/cut")
    async def cut():
        async def lines():
            yield "one\n"
            raise RuntimeError("DOE^JANE")

        return StreamingResponse(lines(), media_type="text/event-stream")

    @app.get("/viewer/viewer.js")
    async def script():
        return PlainTextResponse("1", media_type="text/javascript")

    return TestClient(
        app, base_url=f"http://{host}", client=(address, 50_000), raise_server_exceptions=False, follow_redirects=False
    )


def with_keys(**rest) -> GuardSettings:
    return GuardSettings(keys_lines=LINES, **rest)
