"""`infra/serving.env`: the server behind HAProxy, its deployments calling each other over gRPC, says the same."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import yaml

from tests.free_ports import free_ports
from tests.serve.asking import ask, is_problem, png, upload
from tests.serve.deployment import deployed, switches
from tests.started_ray import ROOT

TEXTS = ("edema", "nodule", "mass", "right lung")


@pytest.fixture(scope="module")
def deployment(model_dir, tmp_path_factory):
    stats, metrics = map(str, free_ports(2))
    folder = tmp_path_factory.mktemp("haproxy")
    own = {  # of this HAProxy alone, should the machine have another one
        "RAY_SERVE_HAPROXY_STATS_PORT": stats,
        "RAY_SERVE_HAPROXY_METRICS_PORT": metrics,
        "RAY_SERVE_HAPROXY_CONFIG_FILE_LOC": str(folder / "haproxy.cfg"),
        "RAY_SERVE_HAPROXY_SERVER_STATE_BASE": str(folder),
        "RAY_SERVE_HAPROXY_SERVER_STATE_FILE": str(folder / "server-state"),
    }
    with deployed(model_dir, folder / "keys", variables=switches() | own) as made:
        yield made


def test_questions_at_once_get_their_own_answers(deployment):
    with deployment.client() as client, ThreadPoolExecutor(16) as pool:
        ids = [upload(client, png(seed)).json()["image_id"] for seed in range(4)]
        questions = [(image, {"text": text}) for image in ids for text in TEXTS]
        alone = [ask(client, *question).json()["findings"][0] for question in questions]
        together = list(pool.map(lambda one: ask(client, *one).json()["findings"][0], questions * 4))
    for one, other in zip(alone * 4, together, strict=True):
        assert one["sentence"] == other["sentence"]
        assert np.allclose([box["box"] for box in one["boxes"]], [box["box"] for box in other["boxes"]], atol=1e-5)


def test_a_report_comes_whole_or_in_pieces(deployment):
    with deployment.client() as client:
        path = f"/v1/images/{upload(client, png(0)).json()['image_id']}/report"
        whole = client.post(path).json()
        pieces = client.post(path, headers={"accept": "text/event-stream"}).text.strip().split("\n\n")
    kind, data = pieces[-1].split("\n")
    assert kind == "event: report" and pieces[0].startswith("event: selected")
    assert json.loads(data.removeprefix("data: "))["text"] == whole["text"] and whole["text"]


def test_it_is_guarded(deployment):
    with deployment.client(None) as stranger, deployment.client() as client:
        assert is_problem(upload(stranger, png(0)), 401, "Authorization")
        answer = client.get("/healthz", headers={"X-Request-ID": "one-id"})
        assert answer.headers.get_list("x-request-id") == ["one-id"]
        assert is_problem(client.post("/v1/images/none/report", content=b"x" * 2**21), 413, "limit")


def test_kubernetes_sets_the_same():
    (service, *_) = yaml.safe_load_all((ROOT / "infra/kubernetes/service/ray-service.yaml").read_text())
    cluster = service["spec"]["rayClusterConfig"]
    groups = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    for group in groups:
        (container,) = group["template"]["spec"]["containers"]
        assert switches().items() <= {one["name"]: one["value"] for one in container["env"]}.items()
