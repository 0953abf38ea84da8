"""500 broken bodies over HTTP: the server says what is wrong with each, never fails, and does not grow."""

from __future__ import annotations

import json
import random

import pytest

from tests.serve.asking import BOX, png, upload
from tests.serve.hostile.image_seeds import made_seeds
from tests.serve.hostile.mutations import mutated

QUESTIONS = {
    "queries": [{"text": "pleural effusion", "name": "a"}, {"text": "nodule", "box": BOX}],
    "labels": ["edema"],
}
REPORT = {"prompts": [{"text": "edema"}, {"box": BOX, "name": "marked"}]}
SEEDS = [json.dumps(body).encode() for body in (QUESTIONS, REPORT, {"queries": [{"box": [0, 0, 1, 1]}]}, {})]
# what JSON can hold and Python may stumble over
VALUES = [None, True, [], {}, "", "\0", "x" * 5000, -1, 1e308, 2**70, [[]] * 50, {"text": {"text": "a"}}, "\u202e", "￿"]


@pytest.fixture
def image(client) -> str:
    return f"/v1/images/{upload(client, png(0)).json()['image_id']}"


def check(answer, *, good=(200, 201)) -> int:
    assert answer.status_code < 500, (answer.status_code, answer.text[:300], answer.request.url)
    if answer.status_code not in good:
        assert answer.headers["content-type"] == "application/problem+json", answer.text[:300]
        assert answer.json()["request_id"] == answer.headers["x-request-id"]
        assert len(answer.content) < 20_000
    return answer.status_code


def replaced_values(count: int, seed: int) -> list[bytes]:
    """Valid JSON in which one value is another one."""
    chance = random.Random(seed)
    bodies = []
    for _ in range(count):
        body = json.loads(json.dumps(chance.choice((QUESTIONS, REPORT))))
        place = body
        while isinstance(place, dict | list) and place:
            key = chance.choice(list(place) if isinstance(place, dict) else range(len(place)))
            if chance.random() < 0.4 or not isinstance(place[key], dict | list):
                place[key] = chance.choice(VALUES)
                break
            place = place[key]
        bodies.append(json.dumps(body).encode())
    return bodies


def test_broken_json_is_refused_and_nothing_grows(target, client, image):
    bodies = mutated(SEEDS, 200, 3) + replaced_values(100, 4)
    kind = {"content-type": "application/json"}
    for body in bodies[:20]:
        client.post(f"{image}/queries", content=body, headers=kind)
    before = target.memory()
    statuses = [
        check(client.post(f"{image}/{path}", content=body, headers=kind))
        for place, body in enumerate(bodies)
        for path in (("queries", "report")[place % 2],)
    ]
    assert statuses.count(422) > 150 and statuses.count(200) > 10
    assert target.memory() - before < 200


def test_broken_images_over_http(target, client):
    seeds = made_seeds()
    for seed in seeds[:3]:
        upload(client, seed)
    before = target.memory()
    statuses = [
        check(upload(client, data, f"../../{place}\x00.dcm")) for place, data in enumerate(mutated(seeds, 100, 5))
    ]
    assert statuses.count(422) > 50
    assert target.memory() - before < 200


def form(data: bytes, question: bytes) -> bytes:
    part = b'--edge\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n'
    return part % (b"file", b'; filename="a.png"', data) + part % (b"request", b"", question) + b"--edge--\r\n"


def test_broken_forms(client):
    whole = form(png(0, (16, 16)), SEEDS[0])
    kind = {"content-type": "multipart/form-data; boundary=edge"}
    assert check(client.post("/v1/queries", content=whole, headers=kind)) == 200
    statuses = [
        check(client.post(path, content=body, headers=kind))
        for place, body in enumerate(mutated([whole], 100, 6))
        for path in (("/v1/queries", "/v1/report", "/v1/images", "/v1/batch/queries")[place % 4],)
    ]
    assert sum(400 <= status < 500 for status in statuses) > 50


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "multipart/form-data"},
        {"content-type": "multipart/form-data; boundary=" + "x" * 5000},
        {"content-type": "application/dicom; charset=utf-7"},
        {"content-type": "\xff".encode("latin-1")},
        {"content-type": ""},
        {"x-request-timeout": "nan"},
        {"x-request-timeout": "-1"},
        {"x-request-timeout": "1e999"},
        {"accept": "text/event-stream" * 100},
        {"content-encoding": "gzip"},
        {"expect": "100-continue"},
        {"range": "bytes=0-18446744073709551615"},
        {"x-forwarded-for": "127.0.0.1"},
    ],
    ids=lambda headers: str(headers)[:50],
)
def test_odd_headers(client, image, headers):
    for method, path in (("POST", "/v1/images"), ("POST", f"{image}/queries"), ("GET", f"{image}/pixels")):
        check(client.request(method, path, content=SEEDS[0], headers=headers))


def test_odd_findings_are_exported_or_refused(client, image):
    finding = {"sentence": "There is edema.", "query": {"text": "edema"}, "boxes": [{"box": BOX, "score": 0.5}]}
    odd = [{"sentence": value} for value in (*VALUES, "\ud800", "a\nb", "<x>&\"'", "\x1b[31m", "\\^=", "é" * 200)]
    odd += [{"boxes": [{"box": box, "score": 1}]} for box in ([0, 0, 0, 0], [1, 1, 0, 0], [0, 0, 1e-300, 1], None)]
    formats = client.get("/v1/vocabulary").json()["export_formats"]
    kind = {"content-type": "application/json"}
    statuses = []
    for place, change in enumerate(odd * 2):
        body = json.dumps({"format": formats[place % len(formats)], "findings": [finding | change]})
        statuses.append(check(client.post(f"{image}/export", content=body, headers=kind)))
    assert 200 in statuses and 422 in statuses
