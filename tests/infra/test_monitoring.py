"""Figures on Kubernetes: what is scraped, by whom, and what is shown of it."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.infra.manifests import ROOT, every_object, rendered
from tests.needed_tools import require_tool

PORT = 8080


def of_kind(kind: str, name: str) -> dict:
    (found,) = (
        thing
        for thing in rendered("monitoring")
        if thing["kind"] == kind and re.fullmatch(rf"{name}(-\w{{10}})?", thing["metadata"]["name"])
    )
    return found


def ray_pods() -> list[dict]:
    """The templates of all pods that run Ray, without those that submit a job."""
    found = []
    for _, thing in every_object():
        if thing["apiVersion"] == "ray.io/v1":
            cluster = thing["spec"].get("rayClusterSpec") or thing["spec"]["rayClusterConfig"]
            found += [group["template"] for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"])]
    return found


def promtool(*arguments: str, folder: Path) -> str:
    program = require_tool("promtool", "prometheus")
    done = subprocess.run(
        [program, "check", *arguments], cwd=folder, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def settings(tmp_path) -> Path:
    """What the pod has in /etc/prometheus, but that pods are listed: Debian's Prometheus cannot ask Kubernetes for them."""
    for name, text in of_kind("ConfigMap", "prometheus")["data"].items():
        (tmp_path / name).write_text(text)
    config = yaml.safe_load((tmp_path / "prometheus.yaml").read_text())
    (job,) = config["scrape_configs"]
    assert job.pop("kubernetes_sd_configs") == [{"role": "pod", "namespaces": {"own_namespace": True}}]
    mlflow = next(thing["spec"]["template"] for thing in rendered("mlflow") if thing["kind"] == "Deployment")
    job["static_configs"] = [
        {"targets": [f"10.0.0.{number}"], "labels": found_labels(pod["metadata"], f"10.0.0.{number}")}
        for number, pod in enumerate([*ray_pods(), mlflow])
    ]
    (tmp_path / "prometheus.yaml").write_text(yaml.safe_dump(config))
    return tmp_path


def found_labels(metadata: dict, address: str) -> dict[str, str]:
    """As Prometheus names what Kubernetes tells of a pod."""
    labels = {"__meta_kubernetes_pod_ip": address, "__meta_kubernetes_pod_name": f"pod-{address}"}
    for kind in ("annotation", "label"):
        for name, value in metadata.get(f"{kind}s", {}).items():
            labels[f"__meta_kubernetes_pod_{kind}_{re.sub('[^a-zA-Z0-9_]', '_', name)}"] = value
    return labels


def test_promtool_accepts_what_the_pod_gets(settings):
    promtool("config", "prometheus.yaml", folder=settings)
    promtool("rules", "alerts.yaml", folder=settings)
    (volume,) = of_kind("StatefulSet", "prometheus")["spec"]["template"]["spec"]["volumes"]
    assert volume["configMap"]["name"] == of_kind("ConfigMap", "prometheus")["metadata"]["name"]


def test_every_ray_pod_is_scraped_and_no_other(settings):
    found = json.loads(promtool("service-discovery", "prometheus.yaml", "ray", "--timeout=2s", folder=settings))
    pods = len(ray_pods())
    assert pods > 10 and len(found) == pods + 1
    scraped = sorted((one["labels"]["instance"], one["labels"]["pod"]) for one in found if one["labels"])
    assert scraped == sorted((f"10.0.0.{number}:{PORT}", f"pod-10.0.0.{number}") for number in range(pods))


def test_the_network_lets_prometheus_at_the_figures_and_nowhere_else():
    own = {"podSelector": {"matchLabels": {"app.kubernetes.io/name": "prometheus"}}}
    labels = of_kind("StatefulSet", "prometheus")["spec"]["template"]["metadata"]["labels"]
    assert labels == own["podSelector"]["matchLabels"]
    reached = [
        (policy["spec"]["podSelector"]["matchLabels"], rule["ports"])
        for policy in rendered("network")
        for rule in policy["spec"].get("ingress", [])
        if own in rule["from"]
    ]
    assert reached == [({"app.kubernetes.io/name": "chex-ray"}, [{"port": PORT}])]


def test_prometheus_may_read_pods_and_nothing_else():
    assert of_kind("Role", "prometheus")["rules"] == [
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]}
    ]


def test_grafana_finds_the_dashboard():
    shown = of_kind("ConfigMap", "chex-ray-dashboard")
    assert shown["metadata"]["labels"] == {"grafana_dashboard": "1"}
    file = ROOT / "infra" / "grafana" / "chex-ray.json"
    assert json.loads(shown["data"]["chex-ray.json"]) == json.loads(file.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", ["prometheus.yaml", "kubernetes.yaml"])
def test_both_configurations_load_the_same_alerts_at_the_same_pace(name):
    config = yaml.safe_load((ROOT / "infra" / "prometheus" / name).read_text(encoding="utf-8"))
    assert config["rule_files"] == ["alerts.yaml"]
    assert config["global"] == {"scrape_interval": "15s", "evaluation_interval": "15s"}


def test_every_alert_is_explained():
    alerts = yaml.safe_load((ROOT / "infra" / "prometheus" / "alerts.yaml").read_text(encoding="utf-8"))
    named = {rule["alert"] for group in alerts["groups"] for rule in group["rules"]}
    document = (ROOT / "infra" / "operations.md").read_text(encoding="utf-8")
    assert named == set(re.findall(r"^\| `(\w+)` \|", document, re.MULTILINE))
