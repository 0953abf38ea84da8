"""Deadlines, full queues, clients that go, and models that break, in one process."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Self

import httpx
import pytest
import torch
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from serve.gathering import Expired, Overloaded
from serve.images import DECODED_AT_ONCE
from serve.problems import RETRY_AFTER_S, problem_of
from serve.size_limit import SizeLimit
from tests.serve.asking import is_problem, png
from tests.serve.test_answers import asked, on, uploaded


class Held:
    """Keeps a replica's model from working until it is let go; counts what it was asked to do."""

    def __init__(self, replica) -> None:
        self._gate, self._replica, self.works = threading.Event(), replica, 0
        run = replica._thread.run

        async def counted(work, *arguments):
            self.works += 1
            return await run(work, *arguments)

        replica._thread.run = counted

    def __enter__(self) -> Self:
        self._replica._thread._pool.submit(self._gate.wait)
        return self

    def __exit__(self, *_: object) -> None:
        self._gate.set()


def test_a_late_request_gets_a_504_and_its_work_is_not_done(model_dir):
    async def conversation(server):
        image_id = await uploaded(server)
        await asked(server, image_id, {"text": "edema"})
        generator = Held(server.generator)
        with generator:
            running = asyncio.ensure_future(asked(server, image_id, {"text": "mass"}))
            await asyncio.sleep(0.2)
            assert generator.works == 1
            late = await asked(server, image_id, {"text": "nodule"}, headers={"x-request-timeout": "0.2"})
            is_problem(late, 504, "time was over")
        assert (await running).status_code == 200
        await asyncio.sleep(0.05)
        assert generator.works == 1

    on(model_dir, conversation)


def test_a_time_that_is_none(model_dir):
    async def conversation(server):
        image_id = await uploaded(server)
        for wrong in ("soon", "0", "-1", "nan", "inf", "1e9", ""):
            is_problem(
                await asked(server, image_id, {"text": "edema"}, headers={"x-request-timeout": wrong}), 422, "seconds"
            )

    on(model_dir, conversation)


def test_a_report_that_is_late_ends_its_events_with_a_problem(model_dir):
    async def conversation(server):
        image_id = await uploaded(server)
        headers = {"accept": "text/event-stream", "x-request-timeout": "0.5"}
        with Held(server.generator):
            events = await server.client.post(f"/v1/images/{image_id}/report", headers=headers)
        assert "event: selected" in events.text and events.text.rstrip().split("\n")[-2] == "event: problem"
        assert '"status":504' in events.text

    on(model_dir, conversation)


def test_a_report_that_never_began_has_a_status_of_its_own(model_dir):
    async def conversation(server):
        image_id, stream = await uploaded(server), {"accept": "text/event-stream"}
        path = f"/v1/images/{image_id}/report"
        with Held(server.detector):
            late = await server.client.post(path, headers=stream | {"x-request-timeout": "0.3"})
        is_problem(late, 504, "time was over")
        server.detector._reader.detect = None
        is_problem(await server.client.post(path, headers=stream), 500, "unforeseen")

    on(model_dir, conversation)


def test_what_is_asked_of_a_silent_generator_ends_in_time(model_dir):
    async def conversation(server):
        async def silent(*_):
            await asyncio.sleep(60)

        image_id, soon = await uploaded(server), {"x-request-timeout": "0.3"}
        server.generator.about = server.generator.provenance = silent
        is_problem(await server.client.get("/v1/model", headers=soon), 504, "time was over")
        body = {"format": "text", "findings": [{"sentence": "Edema."}]}
        is_problem(await server.client.post(f"/v1/images/{image_id}/export", json=body, headers=soon), 504)

    on(model_dir, conversation)


def test_no_more_images_are_decoded_at_once_when_clients_leave(model_dir, monkeypatch):
    running, most = 0, 0

    def slow(*_):
        nonlocal running, most
        running += 1
        most = max(most, running)
        time.sleep(0.2)
        running -= 1
        raise HTTPException(422)

    monkeypatch.setattr("serve.images._decode", slow)

    async def conversation(server):
        soon = {"x-request-timeout": "0.02"}
        for seed in range(6):
            files = {"file": ("image", png(seed))}
            is_problem(await server.client.post("/v1/images", files=files, headers=soon), 504)

    on(model_dir, conversation)
    assert most <= DECODED_AT_ONCE


def test_large_bodies_are_for_uploads_alone(model_dir):
    async def conversation(server):
        large = b'{"queries": [' + b"[]," * 2**19 + b"[]]}"
        headers = {"content-type": "application/json"}
        for path in ("/v1/images/v1/queries", "/v1/images/v1/report", "/v1/images/v1/images"):
            is_problem(await server.client.post(path, content=large, headers=headers), 413, "limit")

    on(model_dir, conversation)


def test_what_is_here_at_a_time_is_bounded():
    gate, begun = asyncio.Event(), asyncio.Event()

    async def app(scope, receive, send):
        await receive()
        begun.set()
        await gate.wait()
        await JSONResponse({})(scope, receive, send)

    async def conversation():
        limit = SizeLimit(app, 10, (), 0, most_bytes_together=15)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(limit), base_url="http://127.0.0.1") as client:
            first = asyncio.ensure_future(client.post("/", content=b"x" * 9))
            await begun.wait()
            refused = await client.post("/", content=b"x" * 9)
            gate.set()
            return await first, refused, await client.post("/", content=b"x" * 9)

    first, refused, later = asyncio.run(conversation())
    assert (first.status_code, refused.status_code, later.status_code) == (200, 503, 200)
    assert int(refused.headers["retry-after"]) >= 1


def test_a_problem_in_a_stream_says_when_to_come_back():
    told = [problem_of(fault).retry_after_s for fault in (Overloaded(), Expired(), ValueError())]
    assert told == [RETRY_AFTER_S, None, None]


def test_more_than_may_wait_is_told_to_come_back(model_dir):
    async def conversation(server):
        image_id = await uploaded(server)
        await asked(server, image_id, {"text": "edema"})
        with Held(server.generator):
            waiting = [asyncio.ensure_future(asked(server, image_id, {"text": "mass"})) for _ in range(30)]
            done, _ = await asyncio.wait(waiting, timeout=2)
            assert len(done) >= 30 - 4 - 8 - 8
            for one in done:
                is_problem(one.result(), 503, "ask again")
                assert int(one.result().headers["retry-after"]) >= 1
            assert (await server.client.get("/healthz")).status_code == 200
        answers = [await one for one in waiting]
        assert sum(answer.status_code == 200 for answer in answers) == 30 - len(done)
        assert (await asked(server, image_id, {"text": "mass"})).status_code == 200

    on(model_dir, conversation, most_waiting=8)


def test_what_a_client_no_longer_waits_for_is_not_done(model_dir):
    async def conversation(server):
        image_id = await uploaded(server)
        await asked(server, image_id, {"text": "edema"})
        detector = Held(server.detector)
        with detector:
            gone = [asyncio.ensure_future(asked(server, image_id, {"text": "mass"})) for _ in range(4)]
            await asyncio.sleep(0.2)
            for one in gone:
                one.cancel()
            await asyncio.sleep(0.1)
        works = detector.works
        assert (await asked(server, image_id, {"text": "edema"})).status_code == 200
        assert detector.works == works + 1

    on(model_dir, conversation)


def test_the_detector_does_not_look_for_clients_that_are_gone(model_dir):
    async def conversation(server):
        image_id = await uploaded(server)
        await asked(server, image_id, {"text": "edema"})
        detector = Held(server.detector)
        with detector:
            gone = []
            for _ in range(3):  # each in a call of its own
                gone.append(asyncio.ensure_future(asked(server, image_id, {"text": "mass"})))
                await asyncio.sleep(0.1)
            for one in gone:
                one.cancel()
            await asyncio.sleep(0.1)
            assert detector.works == 1
        assert (await asked(server, image_id, {"text": "edema"})).status_code == 200
        assert detector.works == 2

    on(model_dir, conversation)


def test_health_checks_notice_a_broken_model(model_dir):
    async def conversation(server):
        await server.detector.check_health()
        await server.generator.check_health()
        with torch.no_grad():
            server.detector._model.detector.region_tokens[0, 0] = float("nan")
            server.generator._model.generator.prefix_head.expand.weight.mul_(1.5)
        with pytest.raises(RuntimeError, match="not finite"):
            await server.detector.check_health()
        with pytest.raises(RuntimeError, match="otherwise"):
            await server.generator.check_health()

    on(model_dir, conversation)


def test_a_fault_inside_is_told_without_its_details(model_dir):
    async def conversation(server):
        image_id = await uploaded(server)
        server.detector._reader.detect = None
        is_problem(await asked(server, image_id, {"text": "edema"}), 500, "unforeseen")
        is_problem(await server.client.post(f"/v1/images/{image_id}/report"), 500, "unforeseen")

    on(model_dir, conversation)
