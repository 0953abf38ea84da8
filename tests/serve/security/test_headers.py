"""What browsers are told: nothing is sniffed, framed or kept, and no other origin asks."""

from __future__ import annotations

import pytest

from serve.security.cors import checked_origins
from tests.serve.security.guarded_app import bearer, client_of, with_keys

IMAGE = "/v1/images/abc"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 200),
        (IMAGE, 200),
        ("/v1/missing", 404),
        ("/v1/broken", 500),
        ("/nothing", 404),
        ("/viewer/viewer.js", 200),
    ],
)
def test_headers_are_on_every_answer(path, status):
    answer = client_of(with_keys()).get(path, headers=bearer("ward-3"))
    assert answer.status_code == status
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "frame-ancestors" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == ("no-cache" if path.startswith("/viewer") else "no-store")
    assert "access-control-allow-origin" not in answer.headers


def test_refusals_have_them_too():
    refused = client_of(with_keys()).get(IMAGE)
    assert refused.status_code == 401 and refused.headers["x-content-type-options"] == "nosniff"
    assert refused.headers["cache-control"] == "no-store"


def test_only_pages_may_load_anything():
    client = client_of(with_keys())
    page = client.get("/").headers["content-security-policy"]
    assert "default-src 'self'" in page and "unsafe" not in page
    answer = client.get(IMAGE, headers=bearer("ward-3")).headers["content-security-policy"]
    assert answer == "default-src 'none'; frame-ancestors 'none'"


PREFLIGHT = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization, x-request-timeout",
}
VIEWER = "https://viewer.example"


def test_other_origins_are_closed_by_default():
    client = client_of(with_keys())
    for answer in (
        client.get(IMAGE, headers=bearer("ward-3") | {"Origin": VIEWER}),
        client.options(IMAGE, headers=PREFLIGHT | {"Origin": VIEWER}),
    ):
        assert not [name for name in answer.headers if name.startswith("access-control")]


def test_a_named_origin_may_ask_and_no_other():
    client = client_of(with_keys(cors_origins=(VIEWER,)))
    preflight = client.options(IMAGE, headers=PREFLIGHT | {"Origin": VIEWER})
    assert preflight.status_code == 200 and preflight.headers["access-control-allow-origin"] == VIEWER
    assert "authorization" in preflight.headers["access-control-allow-headers"].lower()
    answer = client.get(IMAGE, headers=bearer("ward-3") | {"Origin": VIEWER})
    assert answer.headers["access-control-allow-origin"] == VIEWER
    refused = client.get(IMAGE, headers={"Origin": VIEWER})  # readable for the page, so that it can ask for a token
    assert refused.status_code == 401 and refused.headers["access-control-allow-origin"] == VIEWER
    for origin in ("https://evil.example", "https://viewer.example.evil.example", "http://viewer.example", "null"):
        assert client.options(IMAGE, headers=PREFLIGHT | {"Origin": origin}).status_code == 400
        answer = client.get(IMAGE, headers=bearer("ward-3") | {"Origin": origin})
        assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("origin", ["*", "null", "viewer.example", "https://viewer.example/", "https://*.example", ""])
def test_what_is_no_origin_is_refused(origin):
    with pytest.raises(ValueError, match="an origin reads"):
        checked_origins((origin,))
    assert checked_origins(("http://[::1]:8000", "https://viewer.example:8443"))
