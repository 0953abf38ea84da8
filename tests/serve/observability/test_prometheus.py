"""A real Prometheus scrapes a real Ray, and answers what the dashboard and the alerts ask of it."""

from __future__ import annotations

import json
import re
import subprocess
import time

import httpx
import pytest
import yaml

from tests.free_ports import free_port
from tests.needed_tools import require_tool
from tests.serve.asking import BOX, ask, png, upload
from tests.started_ray import ROOT

INFRA = ROOT / "infra"
METRIC = re.compile(r"\bray_[a-z0-9_]+")


@pytest.fixture(scope="module")
def asked(client):
    """A little of everything that the figures are about."""
    image_id = upload(client, png(0)).json()["image_id"]
    for _ in range(2):
        assert ask(client, image_id, {"text": "edema"}, {"box": BOX}).status_code == 200
    assert client.post(f"/v1/images/{image_id}/report").status_code == 200
    assert ask(client, "0" * 32, {"text": "edema"}).status_code == 404


@pytest.fixture(scope="module")
def prometheus(ray_local, asked, tmp_path_factory):
    """The address of a Prometheus with our configuration, except where it listens and whom it scrapes how often."""
    program = require_tool("prometheus", "prometheus")
    folder = tmp_path_factory.mktemp("prometheus")
    config = yaml.safe_load((INFRA / "prometheus" / "prometheus.yaml").read_text())
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config["rule_files"] = [str(INFRA / "prometheus" / "alerts.yaml")]
    (scraped,) = config["scrape_configs"]
    # without its dashboard Ray does not write the list of its nodes: this one is named instead
    assert scraped.pop("file_sd_configs")
    (node,) = ray_local.nodes()
    scraped["static_configs"] = [{"targets": [f"{node['NodeManagerAddress']}:{node['MetricsExportPort']}"]}]
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(config))
    port = free_port()
    process = subprocess.Popen(
        [program, f"--config.file={folder}/prometheus.yaml", f"--storage.tsdb.path={folder}/data",
         f"--web.listen-address=127.0.0.1:{port}"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=60)


def query(prometheus: str, question: str) -> list[dict]:
    answer = httpx.get(f"{prometheus}/api/v1/query", params={"query": question}, timeout=30).json()
    assert answer["status"] == "success", answer
    return answer["data"]["result"]


def once(prometheus: str, question: str, holds, patience: float = 60.0) -> list[dict]:
    """The answer as soon as `holds` is true of it: Ray reports some seconds late."""
    deadline = time.monotonic() + patience
    while True:
        try:
            result = query(prometheus, question)
        except (httpx.TransportError, json.JSONDecodeError):  # it is not there, or not ready, yet
            result = []
        if holds(result):
            return result
        assert time.monotonic() < deadline, f"{question}: {result}"
        time.sleep(0.5)


def value(result: list[dict]) -> float:
    return float(result[0]["value"][1]) if result else 0.0


def test_requests_queries_and_sentences_are_counted(prometheus):
    questions = 'ray_chex_requests_total{route="/v1/images/{image_id}/queries", outcome="%s"}'
    once(prometheus, f"sum({questions % 'answered'})", lambda result: value(result) >= 2)
    once(prometheus, f"sum({questions % 'refused'})", lambda result: value(result) >= 1)
    once(prometheus, 'sum(ray_chex_queries_total{kind="box"})', lambda result: value(result) >= 2)
    once(prometheus, "sum(ray_chex_sentences_generated_total)", lambda result: value(result) >= 4)
    once(prometheus, "sum(max_over_time(ray_chex_images_kept[1m]))", lambda result: value(result) >= 1)
    once(prometheus, "count by (answer) (max_over_time(ray_chex_waiting[1m]))", lambda result: len(result) == 3)
    once(prometheus, 'sum(ray_chex_feature_lookups_total{found="hit"})', lambda result: value(result) >= 1)
    latency = "histogram_quantile(0.5, sum by (le) (ray_chex_request_seconds_bucket))"
    assert 0 < value(once(prometheus, latency, bool)) < 60


def names_in(text: str) -> set[str]:
    return set(METRIC.findall(text))


def dashboard_expressions() -> list[str]:
    dashboard = json.loads((INFRA / "grafana" / "chex-ray.json").read_text())
    return [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]


# nothing was lost and nobody was refused in these tests: these counters do not exist yet
AFTER_A_FAULT = {"ray_chex_retries_total", "ray_chex_rate_limited_total"}


def test_every_metric_of_dashboard_and_alerts_is_scraped(prometheus):
    wanted = names_in("\n".join([*dashboard_expressions(), (INFRA / "prometheus" / "alerts.yaml").read_text()]))
    assert len(wanted) > 8
    deadline = time.monotonic() + 60
    while True:
        names = httpx.get(f"{prometheus}/api/v1/label/__name__/values", timeout=30).json()["data"]
        missing = wanted - set(names) - AFTER_A_FAULT
        if not missing or time.monotonic() > deadline:
            break
        time.sleep(0.5)
    assert not missing


def test_every_panel_has_an_answer(prometheus):
    for expression in dashboard_expressions():
        query(prometheus, expression.replace("$__rate_interval", "1m"))


def test_the_alerts_are_loaded_and_none_fires(prometheus):
    rules = httpx.get(f"{prometheus}/api/v1/rules", timeout=30).json()["data"]["groups"]
    assert {rule["name"] for group in rules for rule in group["rules"]} >= {"ChexRayFails", "ChexRayQueues"}
    assert all(rule["state"] != "firing" for group in rules for rule in group["rules"])


def test_no_label_holds_what_a_client_made_up(prometheus):
    series = httpx.get(f"{prometheus}/api/v1/series", params={"match[]": '{__name__=~"ray_chex.*"}'}, timeout=30).json()
    routes = {one["route"] for one in series["data"] if "route" in one}
    assert routes and all(route == "unmatched" or route.startswith("/") and "0000" not in route for route in routes)


def test_promtool_accepts_rules_and_configuration(tmp_path):
    program = require_tool("promtool", "prometheus")
    for check in (
        ["rules", INFRA / "prometheus" / "alerts.yaml"],
        ["config", INFRA / "prometheus" / "prometheus.yaml"],
    ):
        done = subprocess.run([program, "check", *check], capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
