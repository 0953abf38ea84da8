"""Every way to ask the served application wrongly: it says what is wrong, and goes on."""

from __future__ import annotations

import json

import pytest

from serve.ingress import MOST_QUESTION_BYTES, MOST_UPLOAD_BYTES
from tests.serve.asking import ask, is_problem, png, upload


@pytest.mark.parametrize(
    ("queries", "words"),
    [
        ([], "queries"),
        ([{}], "a text, a box, or both"),
        ([{"text": "  "}], "a text, a box, or both"),
        ([{"text": "edema"}, {"box": [0.5, 0.2, 0.1, 0.6]}], "queries.1"),
        ([{"box": [0.1, 0.2, 1.5, 0.6]}], "queries.0.box.2"),
        ([{"box": [0.1, 0.2, 0.5]}], "box"),
        ([{"text": "edema", "colour": "red"}], "colour"),
        ([{"text": "x" * 301}], "300"),
        ([{"text": "edema"}] * 129, "128"),
    ],
)
def test_a_bad_question_is_told_what_is_wrong(client, image_id, queries, words):
    is_problem(ask(client, image_id, *queries), 422, words)


def test_what_is_no_json(client, image_id):
    is_problem(client.post(f"/v1/images/{image_id}/queries", content=b"{nonsense"), 422)


def test_files_that_are_no_radiograph(client):
    is_problem(upload(client, b"", "empty.png"), 422, "empty")
    is_problem(upload(client, b"GIF89a" + bytes(100), "a.gif"), 422, "not a DICOM")
    is_problem(upload(client, png(0)[:200], "cut.png"), 422, "truncated")
    is_problem(client.post("/v1/images", data={"file": "text"}), 422)
    is_problem(client.post("/v1/images", json={"url": "http://example.org/image.png"}), 422)


def test_what_is_too_large(client):
    is_problem(upload(client, bytes(MOST_UPLOAD_BYTES + 1)), 413, "limit")

    def without_length():
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'
        for _ in range(MOST_UPLOAD_BYTES // 2**20 + 1):
            yield bytes(2**20)

    headers = {"content-type": "multipart/form-data; boundary=x"}
    is_problem(client.post("/v1/images", content=without_length(), headers=headers), 413, "limit")


def raw(client, image_id, content: str | bytes, kind="application/json"):
    return client.post(f"/v1/images/{image_id}/queries", content=content, headers={"content-type": kind})


@pytest.mark.parametrize(
    "body",
    [
        '{"queries": [{"box": [NaN, 0.1, 0.5, 0.5]}]}',
        '{"queries": [{"box": [0.1, 0.1, Infinity, 0.5]}]}',
        '{"queries": [{"box": [0.1, 0.1, 1e999, 0.5]}]}',
        '{"queries": [{"text": "\\ud800"}]}',
        '{"queries": [{"text": "edema", "\\ud800": 1}]}',
        '{"queries": [{"text": "edema", "name": "\\udfff"}]}',
        '{"queries": {"text": "edema"}}',
        '{"queries": [["edema"]]}',
        '{"queries": [{"text": 5}]}',
        "[]",
        "null",
        "",
        b"\xff\xfe\x00",
        "[" * 100_000,
    ],
    ids=lambda body: repr(body[:60]),
)
def test_hostile_json_is_refused(client, image_id, body):
    answer = raw(client, image_id, body)
    assert answer.status_code in (400, 422), answer.text
    is_problem(answer, answer.status_code)


def test_a_question_that_is_not_json(client, image_id):
    is_problem(raw(client, image_id, json.dumps({"queries": [{"text": "edema"}]}), "text/plain"), 422)


def test_thousands_of_questions_and_endless_texts(client, image_id):
    refused = ask(client, image_id, *[{"text": "edema"}] * 10_000)
    assert is_problem(refused, 422, "128") and len(refused.content) < 5_000
    refused = ask(client, image_id, {"text": "x" * MOST_QUESTION_BYTES})
    assert is_problem(refused, 413, "limit of 1048576") and len(refused.content) < 5_000
    refused = ask(client, image_id, *[{"text": "edema", "k" * 500: place} for place in range(128)])
    assert is_problem(refused, 422, "queries.0.kkk") and len(refused.content) < 10_000
    longest = ask(client, image_id, {"text": "\U0001fac1 " * 150, "name": "a"})
    assert longest.status_code == 200 and len(longest.json()["findings"]) == 1


def test_extreme_boxes_are_answered(client, image_id):
    boxes = [[0, 0, 1e-300, 1e-300], [0, 0, 1, 1], [1 - 1e-9, 0, 1, 1], [0.5, 0.5, 0.5000001, 1]]
    answered = ask(client, image_id, *({"box": box} for box in boxes))
    assert answered.status_code == 200, answered.text
    assert [finding["boxes"][0]["box"] for finding in answered.json()["findings"]] == boxes


def test_hostile_files(client):
    noise = bytes(range(256)) * (30 * 2**12)
    is_problem(upload(client, noise, "noise.dcm"), 422, "not a usable radiograph")
    is_problem(upload(client, bytes(128) + b"DICM" + noise[:4096], "noise.dcm"), 422, "not a usable radiograph")
    is_problem(upload(client, b"\xff\xd8\xff\xe0" + noise[:4096], "noise.jpg"), 422, "not a usable radiograph")
    is_problem(upload(client, png(0)[:-30], "../../etc/passwd\x00.png"), 422)
    kinds = {"content-type": "multipart/form-data"}  # and no boundary
    assert client.post("/v1/images", content=png(0), headers=kinds).status_code in (400, 422)
    assert client.post("/v1/images", content=png(0), headers={"content-type": "image/png"}).status_code == 422
    two = client.post("/v1/images", files=[("file", ("a.png", png(0))), ("file", ("b.png", png(1)))])
    assert two.status_code in (201, 422)
