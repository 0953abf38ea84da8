"""What the guard does, in the API's description: the key, its refusals, and the media type of problems."""

from __future__ import annotations

from fastapi import FastAPI

from serve.security.authentication import OPEN_PATHS

PROBLEM = "application/problem+json"
REFUSALS = {
    "400": "X-Request-ID is ill-formed, or the request cannot be read",
    "401": "a key is needed",
    "403": "this server has no keys and answers its own machine only",
    "429": "this key has asked too often",
}


def describe_guard(app: FastAPI) -> None:
    """To be called when every route is there."""
    made = app.openapi

    def openapi() -> dict:
        if app.openapi_schema is None:
            complete(made())
        return app.openapi_schema

    app.openapi = openapi


def complete(description: dict) -> None:
    described = {"$ref": "#/components/schemas/Problem"}
    description["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
    for path, operations in description["paths"].items():
        for operation in operations.values():
            if path not in OPEN_PATHS:
                operation["security"] = [{"key": []}]
            for status, reason in REFUSALS.items():
                operation["responses"].setdefault(
                    status, {"description": reason, "content": {PROBLEM: {"schema": described}}}
                )
            for status, response in operation["responses"].items():
                if status >= "400" and (content := response.get("content", {}).pop("application/json", None)):
                    response["content"][PROBLEM] = content
