"""Many at once, over HTTP: answers are those of one by one, and an image is encoded where it is asked about."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from chex.vocabulary import load as load_vocabulary
from serve.affinity import ShardRouter
from tests.serve.asking import BOX, png


def test_two_hundred_mixed_requests_at_once_are_answered_as_one_by_one(chex_client):
    """Texts, boxes, both, labels, without sentences, reports; about four images, on two detectors."""
    images = [chex_client.upload(png(seed)).image_id for seed in range(4)]
    texts = [term.box_prompt for term in load_vocabulary().findings.values()][:12]
    draw = random.Random(0)

    def question(number: int):
        image, text = images[number % 4], texts[draw.randrange(12)]
        kind = number % 5
        if kind == 0:
            box = [0.1, 0.1, 0.2 + 0.05 * draw.randrange(8), 0.7]
            return lambda: chex_client.ask(image, text, {"box": box}, {"text": text, "box": box})
        if kind == 1:
            return lambda: chex_client.ask(image, {"box": BOX, "labels": ["edema"]}, text, labels=["nodule"])
        if kind == 2:
            return lambda: chex_client.ask(image, *texts[: 1 + number % 7], sentences=False)
        if kind == 3 and number % 20 == 3:
            return lambda: chex_client.report(image).findings
        return lambda: chex_client.ask(image, text)

    questions = [question(number) for number in range(200)]
    one_by_one = [ask() for ask in questions]
    with ThreadPoolExecutor(40) as pool:
        at_once = list(pool.map(lambda ask: ask(), questions))
    for alone, together in zip(one_by_one, at_once, strict=True):
        assert [finding.sentence for finding in alone] == [finding.sentence for finding in together]
        for one, other in zip(alone, together, strict=True):
            assert one.query == other.query and one.parents == other.parents
            assert one.probabilities == pytest.approx(other.probabilities, abs=1e-5)
            assert len(one.boxes) == len(other.boxes)
            for box, same in zip(one.boxes, other.boxes):
                assert (*box.box, box.score) == pytest.approx((*same.box, same.score), abs=1e-5)


def test_an_image_is_encoded_by_one_detector_and_asked_there(chex_client):
    from ray import serve

    detector = serve.get_deployment_handle("PromptDetector", app_name="default")

    def encoded() -> dict[str, int]:
        asked = [detector.options(session_id=str(shard)).encoded.remote() for shard in (0, 1)]
        return dict(response.result() for response in asked)

    before = encoded()
    assert len(before) == 2
    for seed in range(100, 112):
        image_id = chex_client.upload(png(seed)).image_id
        for _ in range(3):
            chex_client.ask(image_id, "edema", sentences=False)
    after = encoded()
    assert sum(after.values()) - sum(before.values()) == 12
    assert all(after[replica] > before[replica] for replica in before)


def test_shards_stay_with_their_replicas():
    async def ranks(replicas, shard):
        request = SimpleNamespace(
            metadata=SimpleNamespace(session_id=shard), routing_context=SimpleNamespace(should_backoff=False)
        )
        found = await ShardRouter.choose_replicas(None, replicas, request)
        assert request.routing_context.should_backoff and all(len(rank) == 1 for rank in found)
        return [rank[0].replica_id.unique_id for rank in found]

    import asyncio

    replicas = [SimpleNamespace(replica_id=SimpleNamespace(unique_id=name)) for name in "cab"]
    for order in (replicas, replicas[::-1]):
        ranked = [asyncio.run(ranks(order, str(shard))) for shard in range(4)]
        assert ranked == [list("abc"), list("bca"), list("cab"), list("abc")]
    assert asyncio.run(ranks(replicas, "")) == list("abc")
    assert asyncio.run(ranks([], "1")) == []


def test_events_of_a_report_come_through_the_client(chex_client):
    image_id = chex_client.upload(png(0)).image_id
    kinds, contents = zip(*chex_client.report_events(image_id))
    assert kinds[0] == "selected" and kinds[-1] == "report" and set(kinds[1:-1]) == {"finding"}
    assert all(finding.sentence is None for finding in contents[0])
    assert contents[-1] == chex_client.report(image_id)
