"""`serve deploy infra/serve.yaml`, and then its processes are killed and its model is replaced while clients ask."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx
import pytest

from serve.schemas import MOST_QUERIES
from tests.serve.asking import is_problem, png, upload
from tests.serve.deployment import deployed, served
from tests.serve.faults.load import TEXTS, Load, answers_one_by_one
from tests.serve.security.guarded_app import bearer
from tests.talkative import save_talkative
from tests.waiting import wait_for

LONG = 50  # seconds: Serve needs some until it ends a replica, and by itself gives it 20 from then on
REPLICAS = {"detectors": 2, "most_detectors": None, "generators": 2, "most_generators": None, "cpus_per_replica": 0.5}
LIMITS = {"requests_per_second": 1000, "burst": 1000, "request_seconds": 120}


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    return tmp_path_factory.mktemp("keys") / "keys"


@pytest.fixture(scope="module")
def deployment(model_dir, keys):
    with deployed(model_dir, keys, **REPLICAS, **LIMITS) as made:
        yield made


@pytest.fixture(scope="module")
def newer(tiny_model, tmp_path_factory):
    """The same architecture with other weights."""
    return save_talkative(tiny_model, tmp_path_factory.mktemp("newer"), seed=1)


@pytest.fixture(scope="module")
def deploy(deployment, keys):
    """Deploys a model folder in place of what is served."""
    port = httpx.URL(deployment.url).port
    return lambda model: deployment.deploy(served(port, model=str(model), keys_file=str(keys), **REPLICAS, **LIMITS))


def test_what_is_deployed_is_guarded(deployment):
    with deployment.client(None) as stranger, deployment.client() as client:
        assert is_problem(upload(stranger, png(0)), 401, "Authorization")
        assert stranger.get("/").status_code == stranger.get("/healthz").status_code == 200
        answer = upload(client, png(0))
        assert answer.status_code == 201
        assert len(answer.headers.get_list("x-request-id")) == 1 and answer.headers["cache-control"] == "no-store"
        # a broken id never reaches a log of ours
        assert is_problem(client.get("/healthz", headers={"X-Request-ID": "a b"}), 400, "X-Request-ID")


@pytest.mark.parametrize("killed", ["PromptDetector", "SentenceGenerator"])
def test_a_killed_replica_costs_no_answer(deployment, killed):
    with deployment.client() as client:
        expected = answers_one_by_one(client)
    victim, *others = deployment.replicas(killed)
    with Load(deployment.url, bearer("ward-3"), {"model": expected}) as load:
        wait_for(lambda: len(load.outcomes) > 30, "thirty answers")
        at = time.monotonic()
        os.kill(victim, signal.SIGKILL)
        recovered = wait_for(
            lambda: len(set(deployment.replicas(killed)) - {victim}) == len(others) + 1, "another replica"
        )
        done = len(load.outcomes)
        wait_for(lambda: len(load.outcomes) > done + 30, "thirty more")
    slowest = max(outcome.seconds for outcome in load.outcomes if outcome.began + outcome.seconds > at)
    print(
        f"{killed} killed: its replica was replaced after {recovered:.1f} s, the slowest answer took {slowest:.1f} s; "
        f"{dict(load.statuses)}"
    )
    assert set(load.statuses) == {200} and set(load.models) == {"model"}


def test_the_model_is_replaced_under_load_and_each_answer_is_of_one(deployment, deploy, newer, model_dir):
    with deployment.client() as client:
        old = answers_one_by_one(client)
        deploy(newer)
        new = answers_one_by_one(client)
        deploy(model_dir)
        assert old.keys() == new.keys() and all(old[question] != new[question] for question in old)
    with Load(deployment.url, bearer("ward-3"), {"old": old, "new": new}) as load:
        wait_for(lambda: len(load.outcomes) > 30, "thirty answers")
        began = time.monotonic()
        deploy(newer)
        took, done = time.monotonic() - began, len(load.outcomes)
        wait_for(lambda: len(load.outcomes) > done + 30, "thirty more")
    print(f"model replaced in {took:.1f} s; {dict(load.statuses)}, {dict(load.models)}")
    assert set(load.statuses) == {200}
    assert set(load.models) == {"old", "new"}
    last = max(outcome.began for outcome in load.outcomes if outcome.model == "old")
    assert all(outcome.model == "new" for outcome in load.outcomes if outcome.began > last)


def test_a_report_is_ended_by_the_model_that_began_it(deployment, deploy, newer, model_dir):
    """The model is replaced while its generators stand still, for longer than Serve by itself lets a replica finish."""
    deploy(model_dir)
    with deployment.client() as client, ThreadPoolExecutor(1) as aside:
        path = f"/v1/images/{upload(client, png(0)).json()['image_id']}/report"
        with reported(client, path) as lines:
            expected = list(lines)
        with reported(client, path) as lines:
            begun, at = next(lines), time.monotonic()
            with standing_still(deployment.replicas("SentenceGenerator"), seconds=LONG):
                replaced = aside.submit(deploy, newer)
            rest = list(lines)
        took = time.monotonic() - at
        replaced.result()
        with reported(client, path) as lines:
            afterwards = list(lines)
    print(f"a report was ended {took:.1f} s after its model began to be replaced")
    assert took > LONG and [begun, *rest] == expected and afterwards != expected


@contextmanager
def reported(client: httpx.Client, path: str) -> Iterator[Iterator[str]]:
    """The lines of a report of many sentences, as they are told."""
    prompts = [{"text": f"{text} {number}"} for number in range(MOST_QUERIES // len(TEXTS)) for text in TEXTS]
    headers = {"Accept": "text/event-stream"}
    with client.stream("POST", path, json={"prompts": prompts}, headers=headers) as answer:
        assert answer.status_code == 200
        yield answer.iter_lines()


@contextmanager
def standing_still(processes: list[int], seconds: float) -> Iterator[None]:
    """What is in the block is done meanwhile."""
    for process in processes:
        os.kill(process, signal.SIGSTOP)
    try:
        yield
        time.sleep(seconds)
    finally:
        for process in processes:
            os.kill(process, signal.SIGCONT)
