"""While the model is replaced one deployment has the new one first: no answer is made by two."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

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


def test_the_models_differ(model_dir, other_model):
    one, other = (Chex.load(folder) for folder in (model_dir, other_model))
    assert one.provenance["weights_sha256"] != other.provenance["weights_sha256"]
    assert any(not np.array_equal(a.detach(), b.detach()) for a, b in zip(one.parameters(), other.parameters()))
