"""Figures for Prometheus, through Ray: it exports them as `ray_chex_…`, beside Serve's own `ray_serve_…`.

Labels are few and bounded: no client can make up a new series.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from ray.util.metrics import Counter, Gauge, Histogram

SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]


@cache  # a process has each metric once, and only if it uses it
def _requests() -> Counter:
    return Counter("chex_requests_total", "requests by route and outcome", ("route", "outcome"))


@cache
def _request_seconds() -> Histogram:
    return Histogram("chex_request_seconds", "from request to end of answer", SECONDS, ("route",))


@cache
def _queries() -> Counter:
    return Counter("chex_queries_total", "queries by kind (text, box, text+box)", ("kind",))


@cache
def _rate_limited() -> Counter:
    return Counter("chex_rate_limited_total", "requests refused with 429, by key", ("caller",))


@cache
def _images_kept() -> Gauge:
    return Gauge("chex_images_kept", "uploaded images that can be asked")  # Ray adds the process: one per ingress


@cache
def _waiting() -> Gauge:
    return Gauge(
        "chex_waiting", "questions that wait for the model, by answer (found, described, reported)", ("answer",)
    )


@cache
def _feature_lookups() -> Counter:
    return Counter(
        "chex_feature_lookups_total", "how often an image was encoded already (hit) or not (miss)", ("found",)
    )


@cache
def _sentences() -> Counter:
    return Counter("chex_sentences_generated_total", "sentences written by the generator")


@cache
def _retries() -> Counter:
    return Counter("chex_retries_total", "questions asked again because the replica that had them was lost")


def count_request(route: str, outcome: str, seconds: float) -> None:
    _requests().inc(tags={"route": route, "outcome": outcome})
    _request_seconds().observe(max(seconds, 1e-9), tags={"route": route})


def count_queries(kinds: Mapping[str, int]) -> None:
    for kind, count in kinds.items():
        _queries().inc(count, tags={"kind": kind})


def count_rate_limited(caller: str) -> None:
    _rate_limited().inc(tags={"caller": caller})


def show_images_kept(count: int) -> None:
    _images_kept().set(count)


def show_waiting(counts: Mapping[str, int]) -> None:
    for answer, count in counts.items():
        _waiting().set(count, tags={"answer": answer})


def count_feature_lookup(hit: bool) -> None:
    _feature_lookups().inc(tags={"found": "hit" if hit else "miss"})


def count_sentences(count: int) -> None:
    if count:
        _sentences().inc(count)


def count_retry() -> None:
    _retries().inc()
