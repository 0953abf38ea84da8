"""The Kubernetes objects that `kubectl apply -k FOLDER` would send, and KubeRay's schemas to hold them against."""

from __future__ import annotations

import gzip
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.needed_tools import require_tool

ROOT = Path(__file__).resolve().parents[2]
KUBERNETES = ROOT / "infra" / "kubernetes"
# folders that are applied; `gpu` and `ray-job` are parts of others
FOLDERS = tuple(
    str(file.parent.relative_to(KUBERNETES))
    for file in sorted(KUBERNETES.rglob("kustomization.yaml"))
    if file.parent.name not in ("gpu", "ray-job")
)


@cache
def rendered(folder: str) -> tuple[dict[str, Any], ...]:
    """The objects of a folder below infra/kubernetes."""
    kubectl = require_tool("kubectl", "kubernetes-client")
    done = subprocess.run([kubectl, "kustomize", str(KUBERNETES / folder)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise ValueError(f"kubectl kustomize {folder}: {done.stderr}")
    return tuple(yaml.safe_load_all(done.stdout))


def every_object() -> Iterator[tuple[str, dict[str, Any]]]:
    """(folder, object) of all folders."""
    for folder in FOLDERS:
        for thing in rendered(folder):
            yield folder, thing


@cache
def ray_schema(folder: Path, kind: str) -> dict[str, Any]:
    """The JSON schema of one of KubeRay's kinds, in which a field that is not declared is an error."""
    name = f"ray.io_{kind.lower()}s.yaml.gz"
    # megabytes of YAML, which the loader in Python takes half a minute for
    definition = yaml.load(gzip.decompress((folder / name).read_bytes()), Loader=yaml.CSafeLoader)
    (version,) = (version for version in definition["spec"]["versions"] if version["name"] == "v1")
    schema = _closed(version["schema"]["openAPIV3Schema"])
    schema["properties"]["metadata"] = {"type": "object"}  # checked by Kubernetes itself
    return schema


def _closed(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: _closed(value) for key, value in schema.items()}
    open_ended = closed.get("x-kubernetes-preserve-unknown-fields") or "additionalProperties" in closed
    if isinstance(closed.get("properties"), dict) and closed.get("type") == "object" and not open_ended:
        closed["additionalProperties"] = False
    return closed


def pod_specs(thing: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every pod specification inside an object."""
    if isinstance(thing, list):
        for item in thing:
            yield from pod_specs(item)
    elif isinstance(thing, dict):
        if "containers" in thing:
            yield thing
        for value in thing.values():
            yield from pod_specs(value)
