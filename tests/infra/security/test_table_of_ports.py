"""SECURITY.md's table has every port that our files open or let through."""

from __future__ import annotations

import re

import yaml

from tests.infra.manifests import ROOT, every_object, pod_specs, rendered


def table() -> set[int]:
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([^|]*\d{4}[^|]*) \|", text.partition("## Ports")[2], re.MULTILINE)
    return {int(port) for row in rows for port in re.findall(r"\d{4,5}", row)}


def test_every_port_of_the_manifests_is_in_the_table():
    let_through = {
        port["port"]
        for policy in rendered("network")
        for rule in policy["spec"].get("ingress", [])
        for port in rule.get("ports", [])
    }
    opened = {
        port["containerPort"]
        for _, thing in every_object()
        for pod in pod_specs(thing)
        for container in pod["containers"]
        for port in container.get("ports", [])
    }
    assert len(let_through) >= 5 and len(opened) >= 3
    assert let_through | opened <= table()


def test_every_port_of_the_other_files_is_in_the_table():
    serve = yaml.safe_load((ROOT / "infra" / "serve.yaml").read_text(encoding="utf-8"))
    compose = yaml.safe_load((ROOT / "infra" / "mlflow" / "compose.yaml").read_text(encoding="utf-8"))
    published = [port for service in compose["services"].values() for port in service.get("ports", [])]
    starts = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "infra").glob("cluster-*.yaml"))
    ports = {serve["http_options"]["port"], *(int(port.split(":")[1]) for port in published)}
    ports |= {int(port) for port in re.findall(r"--port=(\d+)", starts)}
    assert ports == {8000, 5000, 6379} and ports <= table()
