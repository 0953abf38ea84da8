"""A key that asks too often waits; others do not."""

from __future__ import annotations

from serve.security.guard import GuardSettings
from serve.security.rate_limit import TokenBucket
from tests.serve.asking import is_problem
from tests.serve.security.guarded_app import bearer, client_of, with_keys

IMAGE = "/v1/images/abc"


def test_a_bucket_holds_its_burst_and_fills_at_its_rate():
    now = [0.0]
    bucket = TokenBucket(2.0, 3, lambda: now[0])
    assert [bucket.take() for _ in range(4)] == [0, 0, 0, 0.5]
    now[0] = 0.25
    assert bucket.take() == 0.25
    now[0] = 0.5
    assert [bucket.take(), bucket.take()] == [0, 0.5]
    now[0] = 1000
    assert [bucket.take() for _ in range(4)] == [0, 0, 0, 0.5]


def test_each_key_has_a_bucket_of_its_own():
    client = client_of(with_keys(requests_per_second=0.01, burst=2))
    assert [client.get(IMAGE, headers=bearer("ward-3")).status_code for _ in range(3)] == [200, 200, 429]
    refused = client.get(IMAGE, headers=bearer("ward-3"))
    assert is_problem(refused, 429, "0.01 times a second") and 90 < int(refused.headers["retry-after"]) <= 100
    assert client.get(IMAGE, headers=bearer("research")).status_code == 200
    # what needs no key is not counted, and a wrong token takes nothing from anybody
    assert [client.get("/healthz").status_code for _ in range(5)] == [200] * 5
    assert client.get(IMAGE, headers={"Authorization": "Bearer x"}).status_code == 401
    assert client.get(IMAGE, headers=bearer("research")).status_code == 200


def test_without_keys_there_is_no_limit():
    client = client_of(GuardSettings(requests_per_second=0.01, burst=1))
    assert [client.get(IMAGE).status_code for _ in range(5)] == [200] * 5
