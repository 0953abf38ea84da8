"""The documented set-up listens on loopback, or asks for credentials: every port of every process is tried."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request

import psutil
import pytest

from tests.free_ports import free_ports
from tests.infra.security.documented_ray import documented_ray, of_a_head
from tests.infra.security.listening import (
    Listener,
    an_address_of_this_machine,
    answered_over_grpc,
    answered_over_http,
    listeners,
    ray_methods,
    speaks_grpc,
)
from tests.serve.deployment import switches
from tests.serve.security.guarded_app import LINES, bearer
from tests.started_ray import ROOT

# Ray shows its figures to whoever asks, and has no switch for it: SECURITY.md says what has to stand before these.
# On a machine that is told to be alone they are on loopback.
FIGURES = {"ray::DashboardAgent", "monitor.py", "dashboard.py"}

OWN_RAY = """
from jobs.cluster import ray_cluster

with ray_cluster(cpus=1, object_store_bytes=10**8):
    print("started", flush=True)
    input()
"""


@pytest.fixture(scope="module")
def address() -> str:
    return an_address_of_this_machine() or pytest.skip("this machine has no address but loopback")


@pytest.fixture(scope="module")
def head(tiny_model_dir, tmp_path_factory):
    """The head of a cluster, the endpoint bound to every address as in a pod."""
    keys = tmp_path_factory.mktemp("keys") / "keys"
    keys.write_text(LINES)
    with documented_ray(of_a_head("cluster-on-premises.yaml")) as ray:
        ray.serve(tiny_model_dir, host="0.0.0.0", keys_file=str(keys))
        yield ray


@pytest.fixture(scope="module")
def fast_head(tiny_model_dir, tmp_path_factory):
    """The same with `infra/serving.env`."""
    keys = tmp_path_factory.mktemp("keys") / "keys"
    keys.write_text(LINES)
    stats, metrics = free_ports(2)
    own = {"RAY_SERVE_HAPROXY_STATS_PORT": str(stats), "RAY_SERVE_HAPROXY_METRICS_PORT": str(metrics)}
    with documented_ray(of_a_head("cluster-on-premises.yaml"), **switches(), **own) as ray:
        ray.serve(tiny_model_dir, host="0.0.0.0", keys_file=str(keys))
        yield ray, {stats, metrics}


def open_to_anybody(process: psutil.Process, address: str) -> dict[Listener, dict]:
    """What is answered without credentials on ports that others reach; each port refuses at least something."""
    found = {}
    for one in (one for one in listeners(process) if not one.is_loopback):
        try:
            # HAProxy takes HTTP/2 for what it also says in HTTP/1
            if one.program != "haproxy" and speaks_grpc(address, one.port):
                answered, refused = answered_over_grpc(address, one.port)
                assert answered or refused, f"{one}: none of the {len(ray_methods())} methods we know is there"
            else:
                answered = answered_over_http(address, one.port)
        except ConnectionRefusedError:  # a worker that was idle has ended
            continue
        if answered:
            found[one] = answered
    return found


def test_on_one_machine_nothing_beyond_loopback_answers_without_the_token(one_machine, address):
    every = listeners(one_machine.process)
    assert {"gcs_server", "raylet", "ray::DashboardAgent", "ray::ServeReplica"} <= {one.program for one in every}
    assert {one.port for one in every if one.is_loopback} >= {one_machine.http_port}
    assert open_to_anybody(one_machine.process, address) == {}


def test_a_jobs_own_ray_is_for_loopback_alone(address, tmp_path):
    """What every command starts where there is no cluster."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    process = psutil.Popen(
        [sys.executable, "-c", OWN_RAY], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        env=environment | {"HOME": str(tmp_path), "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    try:
        assert process.stdout.readline() == b"started\n"
        assert {"gcs_server", "raylet"} <= {one.program for one in listeners(process)}
        assert open_to_anybody(process, address) == {}
        token = tmp_path / ".ray" / "auth_token"
        assert len(token.read_text()) >= 32 and token.parent.stat().st_mode & 0o077 == 0
    finally:
        process.communicate(b"\n", timeout=60)


def test_of_a_clusters_head_only_figures_and_the_page_are_open(head, address):
    found = open_to_anybody(head.process, address)
    figures = {one: pages for one, pages in found.items() if one.port != head.http_port}
    assert {one.program for one in figures} == FIGURES
    for one in figures:
        with urllib.request.urlopen(f"http://{address}:{one.port}/", timeout=30) as answer:
            text = answer.read().decode()
        assert text.startswith("# HELP") and head.token not in text


def test_for_many_requests_a_second_haproxys_figures_are_open_too(fast_head, address):
    head, haproxys = fast_head
    for _ in range(10):
        found = open_to_anybody(head.process, address)
        if haproxys <= {one.port for one in found}:
            break
        time.sleep(2)  # it starts anew whenever what it serves has changed, and is away for a moment
    assert {one.program for one in found} == FIGURES | {"haproxy", "ray::ProxyActor", "ray::ServeReplica"}
    assert {one.port for one in found if one.program == "haproxy"} == haproxys | {head.http_port}
    for one, pages in found.items():  # the front, its replica and the proxy beside HAProxy; and the model's root
        if one.program not in FIGURES and one.port not in haproxys:
            assert {status for page, status in pages.items() if page != "GET /"} <= {404}, one


def test_the_endpoint_shows_strangers_the_page_and_nothing_else(head, address):
    with urllib.request.urlopen(f"http://{address}:{head.http_port}/openapi.json", timeout=30) as answer:
        paths = json.load(answer)["paths"]
    pages = [(method.upper(), path.replace("{image_id}", "0")) for path, ways in paths.items() for method in ways]
    assert set(answered_over_http(address, head.http_port, pages)) == {"GET /healthz"}
    request = urllib.request.Request(f"http://{address}:{head.http_port}/v1/vocabulary", headers=bearer("ward-3"))
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 200


@pytest.mark.parametrize("credentials", [None, "0" * 64])
def test_nobody_submits_a_job_without_the_token(one_machine, credentials):
    """What ShadowRay did: the dashboard runs what is posted there, also to a page in the browser of its machine."""
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {credentials}"} if credentials else {})
    job = json.dumps({"entrypoint": "touch stolen"}).encode()
    request = urllib.request.Request(f"{one_machine.dashboard}/api/jobs/", data=job, headers=headers)
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=30)
    assert refused.value.code in (401, 403)
    assert one_machine.ask("/api/jobs/") == []


def test_the_token_opens_what_is_shut_without_it(one_machine):
    import grpc

    (gcs,) = (one for one in listeners(one_machine.process) if one.program == "gcs_server")
    with grpc.insecure_channel(f"127.0.0.1:{gcs.port}") as channel:
        ask = channel.unary_unary("/ray.rpc.NodeInfoGcsService/GetAllNodeInfo")
        with pytest.raises(grpc.RpcError, match="UNAUTHENTICATED"):
            ask(b"", timeout=30)
        assert ask(b"", timeout=30, metadata=(("authorization", f"Bearer {one_machine.token}"),))
