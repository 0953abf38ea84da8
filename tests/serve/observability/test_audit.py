"""Each request leaves one line that says who asked what and how it ended, and nothing a patient could be known by."""

from __future__ import annotations

import asyncio
import json
import logging

import pytest

from chex.records import Query
from serve.observability.audit import Audit, note_queries
from serve.observability.logs import log
from serve.observability.requests import RequestRecord, begin, current, end, note
from serve.security.guard import GuardSettings
from tests.serve.asking import is_problem
from tests.serve.security.guarded_app import bearer, client_of, with_keys
from tests.serve.test_answers import on, uploaded
from tests.serve.test_limits import Held


class Lines(logging.Handler):
    def __init__(self):
        super().__init__()
        self.records = []

    def emit(self, record):
        self.records.append(record)

    @property
    def audits(self) -> list[dict]:
        return [record.audit for record in self.records if record.getMessage() == "audit"]


@pytest.fixture
def lines():
    handler, level = Lines(), log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    yield handler
    log.removeHandler(handler)
    log.setLevel(level)


def test_the_line_says_who_what_and_how_it_ended(lines):
    answer = client_of(with_keys()).get("/v1/images/abc", headers=bearer("ward-3") | {"X-Request-ID": "viewer-17"})
    (line,) = lines.audits
    assert 0 <= line.pop("seconds") < 5
    assert line == {
        "request_id": "viewer-17",
        "caller": "ward-3",
        "method": "GET",
        "route": "/v1/images/{image_id}",
        "status": 200,
        "outcome": "answered",
    }
    assert answer.headers["x-request-id"] == "viewer-17"
    json.dumps(line)


@pytest.mark.parametrize(
    ("path", "headers", "status", "outcome"),
    [
        ("/v1/images/abc", {}, 401, "refused"),
        ("/v1/missing", bearer("ward-3"), 404, "refused"),
        ("/v1/DOE^JANE?name=DOE", bearer("ward-3"), 404, "refused"),
        ("/v1/broken", bearer("ward-3"), 500, "failed"),
        ("/v1/stream", bearer("ward-3"), 200, "answered"),
        ("/v1/cut", bearer("ward-3"), 200, "broken off"),
        ("/healthz", {}, 200, "answered"),
    ],
)
def test_every_end_is_told(lines, path, headers, status, outcome):
    try:
        client_of(with_keys()).get(path, headers=headers)
    except RuntimeError:
        assert outcome == "broken off"
    (line,) = lines.audits
    assert (line["status"], line["outcome"]) == (status, outcome)
    assert "DOE" not in repr([record.__dict__ for record in lines.records])


def test_a_fault_is_a_problem_with_its_id_and_its_place_in_the_log(lines):
    answer = client_of(with_keys()).get("/v1/broken", headers=bearer("ward-3"))
    assert is_problem(answer, 500, "unforeseen")
    assert answer.headers["x-request-id"] == lines.audits[0]["request_id"]
    (fault,) = (record.getMessage() for record in lines.records if record.levelno == logging.ERROR)
    assert "broken" in fault and fault.endswith("KeyError")


def test_a_client_that_goes_away_is_noted(lines):
    async def waits(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await asyncio.sleep(60)

    async def asked():
        async def send(message):
            pass

        task = asyncio.create_task(Audit(waits)({"type": "http", "method": "GET", "headers": []}, None, send))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(asked())
    assert [line["outcome"] for line in lines.audits] == ["broken off"]


def test_queries_are_counted_by_kind_and_quoted_only_if_wished():
    queries = [Query(text="edema of Jane Doe"), Query(text="nodule"), Query(box=(0, 0, 1, 1))]
    queries.append(Query(text="mass", box=(0, 0, 1, 1)))
    token = begin(RequestRecord("1"))
    try:
        note_queries(queries)
        assert current().facts == {"queries": {"text": 2, "box": 1, "text+box": 1}}
        note_queries(queries, texts=True)
        assert current().facts["texts"][:2] == ["edema of Jane Doe", "nodule"]
    finally:
        end(token)


def test_outside_of_a_request_a_note_does_no_harm():
    note(image="abc")
    assert current().facts == {}


@pytest.mark.parametrize("given", ["a b", "<script>", "x" * 129, "ä", "", "DOE^JANE"])
def test_an_ill_formed_id_is_refused(lines, given):
    answer = client_of(GuardSettings()).get("/healthz", headers={"X-Request-ID": given.encode()})
    assert is_problem(answer, 400, "X-Request-ID")
    assert answer.headers["x-request-id"] != given
    assert len(answer.headers["x-request-id"]) == 36


def test_requests_without_id_get_one_each():
    client = client_of(GuardSettings())
    assert len({client.get("/healthz").headers["x-request-id"] for _ in range(3)}) == 3


def test_a_report_that_ended_with_a_problem_has_failed(lines, model_dir):
    async def conversation(server):
        path = f"/v1/images/{await uploaded(server)}/report"
        with Held(server.generator):
            await server.client.post(path, headers={"accept": "text/event-stream", "x-request-timeout": "0.5"})

    on(model_dir, conversation)
    (line,) = [line for line in lines.audits if line["route"].endswith("/report")]
    assert (line["status"], line["problem"], line["outcome"]) == (200, 504, "failed")
