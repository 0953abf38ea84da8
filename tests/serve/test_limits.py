"""Deadlines, full queues, clients that go, and models that break, in one process."""

from __future__ import annotations

import asyncio
import threading
from typing import Self

import pytest
import torch

from serve.gathering import Expired, Overloaded
from serve.problems import RETRY_AFTER_S, problem_of
from tests.serve.asking import is_problem
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
