"""Who is answered: with keys whoever shows one, without keys this machine alone."""

from __future__ import annotations

import pytest

from serve.security.guard import GuardSettings
from tests.serve.asking import is_problem
from tests.serve.security.guarded_app import LINES, TOKENS, bearer, client_of, with_keys

OPEN = GuardSettings()
IMAGE = "/v1/images/abc"


def test_each_key_opens_the_api():
    client = client_of(with_keys(), address="203.0.113.7", host="reader.example")
    for name in TOKENS:
        assert client.get(IMAGE, headers=bearer(name)).status_code == 200
        assert client.get(IMAGE, headers={"Authorization": f"bEaReR  {TOKENS[name]} "}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer "},
        {"Authorization": "Basic d2FyZC0zOg=="},
        {"Authorization": TOKENS["ward-3"]},
        {"Authorization": f"Token {TOKENS['ward-3']}"},
        {"Cookie": f"token={TOKENS['ward-3']}"},
        {"X-API-Key": TOKENS["ward-3"]},
    ],
)
def test_without_a_token_the_api_is_closed(headers):
    client = client_of(with_keys())
    refused = client.get(IMAGE, headers=headers)
    assert is_problem(refused, 401, "Authorization: Bearer")
    assert refused.headers["www-authenticate"] == 'Bearer realm="chex-ray"'
    # neither the query string nor loopback is another way in
    assert client.get(f"{IMAGE}?access_token={TOKENS['ward-3']}").status_code == 401


@pytest.mark.parametrize(
    "token", ["x", TOKENS["ward-3"][:-1], TOKENS["ward-3"] + "a", "ward-3", LINES.split(":")[1][:64]]
)
def test_a_wrong_token_is_told_so(token):
    refused = client_of(with_keys()).get(IMAGE, headers={"Authorization": f"Bearer {token}"})
    assert is_problem(refused, 401, "not, or no longer, valid") and token not in refused.text
    assert 'error="invalid_token"' in refused.headers["www-authenticate"]


def test_two_tokens_are_none():
    headers = [("Authorization", f"Bearer {token}") for token in TOKENS.values()]
    assert client_of(with_keys()).get(IMAGE, headers=headers).status_code == 401


def test_the_page_loads_without_a_token_and_unknown_paths_do_not_exist():
    client = client_of(with_keys(), address="203.0.113.7", host="reader.example")
    for path in ("/", "/viewer/viewer.js", "/healthz", "/openapi.json"):
        assert client.get(path).status_code == 200, path
    for path in ("/v1", "/admin", "//v1/images/abc", "/viewer", "/healthz/", "/healthzz", "/viewerv1", "/%2e%2e/v1"):
        assert client.get(path).status_code == 401, path


def test_without_keys_this_machine_is_answered():
    for address, host in (("127.0.0.1", "127.0.0.1:8000"), ("127.8.9.1", "localhost"), ("::1", "[::1]:8000")):
        client = client_of(OPEN, address=address, host=host.replace("localhost", "127.0.0.1"))
        assert client.get(IMAGE).status_code == 200
    local = client_of(OPEN)
    assert local.get(IMAGE, headers={"host": "localhost:8000"}).status_code == 200
    assert local.get(IMAGE, headers={"origin": "http://127.0.0.1:8000"}).status_code == 200


@pytest.mark.parametrize(
    ("address", "host", "headers", "reason"),
    [
        ("203.0.113.7", "127.0.0.1", {}, "client is not on loopback"),
        ("10.0.0.2", "127.0.0.1", {}, "client is not on loopback"),
        ("::ffff:10.0.0.2", "127.0.0.1", {}, "client is not on loopback"),
        ("", "127.0.0.1", {}, "client is not on loopback"),
        # a machine's own outer address: the port is bound to more than loopback
        ("127.0.0.1", "203.0.113.7", {}, "server is not on loopback"),
        # a foreign client cannot say that it is local
        ("203.0.113.7", "127.0.0.1", {"x-forwarded-for": "127.0.0.1"}, "proxy"),
        # a proxy on this machine says whom it speaks for
        ("127.0.0.1", "127.0.0.1", {"x-forwarded-for": "203.0.113.7"}, "proxy"),
        ("127.0.0.1", "127.0.0.1", {"x-forwarded-for": "127.0.0.1"}, "proxy"),
        ("127.0.0.1", "127.0.0.1", {"forwarded": "for=203.0.113.7"}, "proxy"),
        ("127.0.0.1", "127.0.0.1", {"via": "1.1 cache"}, "proxy"),
        # a page in this machine's browser: another origin, or a name made to resolve to loopback
        ("127.0.0.1", "127.0.0.1", {"origin": "https://evil.example"}, "another origin"),
        ("127.0.0.1", "127.0.0.1", {"origin": "null"}, "another origin"),
        ("127.0.0.1", "127.0.0.1", {"host": "evil.example:8000"}, "names a host"),
        ("127.0.0.1", "127.0.0.1", {"host": "127.0.0.1.evil.example"}, "names a host"),
        ("127.0.0.1", "127.0.0.1", {"host": "["}, "names a host"),
        ("127.0.0.1", "127.0.0.1", {"host": ""}, "names a host"),
    ],
)
def test_without_keys_nobody_else_is_answered(address, host, headers, reason):
    client = client_of(OPEN, address=address, host=host)
    for path in (IMAGE, "/", "/healthz", "/openapi.json"):
        assert is_problem(client.get(path, headers=headers), 403, "no keys", reason)


def test_without_keys_a_proxy_of_ray_serve_is_not_trusted(monkeypatch):
    monkeypatch.setenv("RAY_SERVE_ENABLE_HA_PROXY", "1")
    assert is_problem(client_of(OPEN).get(IMAGE), 403, "Ray Serve has a proxy")


def test_keys_come_from_a_file_or_the_environment(tmp_path, monkeypatch):
    file = tmp_path / "keys"
    file.write_text(LINES)
    from_file = GuardSettings.checked(keys_file=str(file), cors_origins=())
    assert from_file.keys().name_of(TOKENS["research"]) == "research"
    monkeypatch.setenv("CHEX_KEYS", LINES.replace("\n", ","))
    from_environment = GuardSettings.checked(keys_file=None, cors_origins=())
    assert from_environment.keys().name_of(TOKENS["research"]) == "research"
    with pytest.raises(ValueError, match="not from both"):
        GuardSettings.checked(keys_file=str(file), cors_origins=())
    monkeypatch.delenv("CHEX_KEYS")
    with pytest.raises(FileNotFoundError):
        GuardSettings.checked(keys_file=str(tmp_path / "none"), cors_origins=())
    with pytest.raises(ValueError, match="an origin reads"):
        GuardSettings.checked(keys_file=None, cors_origins=("*",))
