"""While the model is replaced one deployment has the new one first: no answer is made by two."""

from __future__ import annotations

import asyncio
import json

import numpy as np
import pytest
from ray.exceptions import ActorDiedError

from chex import Chex
from tests.serve.asking import png
from tests.serve.one_process import OneProcess
from tests.talkative import save_talkative

QUESTION = {"queries": [{"text": "edema"}]}


@pytest.fixture(scope="module")
def other_model(tiny_model, tmp_path_factory):
    """The same architecture with other weights."""
    return save_talkative(tiny_model, tmp_path_factory.mktemp("other"), seed=1)


def test_an_answer_waits_until_both_have_the_same_model(model_dir, other_model):
    async def replaced(path: str, headers: dict) -> list:
        async with OneProcess(model_dir) as server, OneProcess(other_model) as newer:
            uploaded = await server.client.post("/v1/images", files={"file": ("a.png", png(0))})
            image_id = uploaded.json()["image_id"]

            async def ask():
                return await server.client.post(f"/v1/images/{image_id}/{path}", json=body, headers=headers)

            body = QUESTION if path == "queries" else {"prompts": QUESTION["queries"]}
            before = await ask()
            server.detector.__dict__.update(newer.detector.__dict__)  # the detector's replica has been replaced
            asked = asyncio.create_task(ask())
            await asyncio.sleep(0.7)
            assert not asked.done()
            server.generator.__dict__.update(newer.generator.__dict__)
            return [before, await asked, await ask()]

    for path, headers in (("queries", {}), ("report", {}), ("report", {"accept": "text/event-stream"})):
        before, during, after = asyncio.run(replaced(path, headers))
        assert before.status_code == during.status_code == after.status_code == 200
        assert before.text != during.text == after.text


def test_it_is_not_waited_for_longer_than_the_client_wants(model_dir, other_model):
    async def asked():
        async with OneProcess(model_dir) as server, OneProcess(other_model) as newer:
            uploaded = await server.client.post("/v1/images", files={"file": ("a.png", png(0))})
            server.detector.__dict__.update(newer.detector.__dict__)
            path = f"/v1/images/{uploaded.json()['image_id']}/queries"
            return await server.client.post(path, json=QUESTION, headers={"X-Request-Timeout": "1"})

    assert asyncio.run(asked()).status_code == 504


def test_a_report_that_one_model_began_no_other_ends(model_dir, other_model):
    """A generator is lost after the first sentence, and what goes on has another model, alone or with the detector."""

    async def events(replacement, *, detector: bool = True) -> list[tuple[str, dict]]:
        async with OneProcess(model_dir) as server, OneProcess(replacement) as newer:
            write = type(server.generator).report_events

            async def lost(looked, wanted):
                async for kind, content in write(server.generator, looked, wanted):
                    yield kind, content
                    if kind == "finding" and "report_events" in server.generator.__dict__:
                        replaced = [(server.generator, newer.generator), (server.detector, newer.detector)]
                        for old, new in replaced[: 1 + detector]:
                            old.__dict__.clear()
                            old.__dict__.update(new.__dict__)
                        raise ActorDiedError()

            server.generator.report_events = lost
            uploaded = await server.client.post("/v1/images", files={"file": ("a.png", png(0))})
            path = f"/v1/images/{uploaded.json()['image_id']}/report"
            body, stream = {"prompts": QUESTION["queries"] * 3}, {"accept": "text/event-stream"}
            answer = await server.client.post(path, json=body, headers=stream)
            lines = [event.splitlines() for event in answer.text.strip().split("\n\n")]
            return [(kind.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for kind, data in lines]

    *same, (last, _) = asyncio.run(events(model_dir))
    assert [kind for kind, _ in same] == ["selected"] + ["finding"] * 3 and last == "report"
    for detector in (True, False):
        *told, (last, problem) = asyncio.run(events(other_model, detector=detector))
        assert told == same[: len(told)] and [kind for kind, _ in told] == ["selected", "finding"]
        assert last == "problem" and problem["status"] == 503 and "replaced" in problem["detail"]


def test_the_models_differ(model_dir, other_model):
    one, other = (Chex.load(folder) for folder in (model_dir, other_model))
    assert one.provenance["weights_sha256"] != other.provenance["weights_sha256"]
    assert any(not np.array_equal(a.detach(), b.detach()) for a, b in zip(one.parameters(), other.parameters()))
