"""A Ray of its own with `infra/serve.yaml` deployed to it, as an operator does it: `ray start`, `serve deploy`."""

from __future__ import annotations

import importlib
import inspect
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import yaml
from pydantic import BaseModel

from tests.free_ports import free_port
from tests.serve.security.guarded_app import LINES, bearer
from tests.started_ray import ENVIRONMENT, PROGRAMS, ROOT, ray_folder, started_ray, takes_applications


@dataclass(frozen=True, slots=True)
class Deployment:
    url: str
    dashboard: str

    def client(self, name: str | None = "ward-3") -> httpx.Client:
        return httpx.Client(base_url=self.url, headers=bearer(name) if name else {}, timeout=60)

    def deploy(self, config: dict, wait: float = 240.0) -> None:
        """Raises RuntimeError if an application failed, or does not run in time."""
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            yaml.safe_dump(config, file)
            file.flush()
            command = [str(PROGRAMS / "serve"), "deploy", file.name, "--address", self.dashboard]
            done = subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, check=False)
            if done.returncode:
                raise RuntimeError(done.stdout + done.stderr)
        deadline = time.monotonic() + wait
        while not running(self.applications()):
            if time.monotonic() > deadline:
                raise RuntimeError("not all applications run in time")
            time.sleep(0.3)

    def applications(self) -> dict[str, dict]:
        return httpx.get(f"{self.dashboard}/api/serve/applications/", timeout=30).json()["applications"]

    def replicas(self, deployment: str) -> list[int]:
        """The processes of a deployment's running replicas."""
        deployments = [application["deployments"] for application in self.applications().values()]
        (found,) = (some[deployment]["replicas"] for some in deployments if deployment in some)
        return [replica["pid"] for replica in found if replica["state"] == "RUNNING"]


def running(applications: dict[str, dict]) -> bool:
    """Whether all that infra/serve.yaml has are. Raises RuntimeError if one failed."""
    for name, state in applications.items():
        if state["status"] in ("DEPLOY_FAILED", "UNHEALTHY"):
            raise RuntimeError(f"{name} is {state['status']}: {state['message']}")
    config = yaml.safe_load((ROOT / "infra" / "serve.yaml").read_text())
    names = {application["name"] for application in config["applications"]}
    return {name for name, state in applications.items() if state["status"] == "RUNNING"} >= names


def served(port: int, **arguments: object) -> dict:
    """`infra/serve.yaml` on another port and with other arguments, each for the applications that take it."""
    config = yaml.safe_load((ROOT / "infra" / "serve.yaml").read_text())
    config["http_options"]["port"] = port
    unknown = set(arguments)
    for application in config["applications"]:
        known = set(arguments_of(application["import_path"]).model_fields)
        application["args"] |= {name: value for name, value in arguments.items() if name in known}
        unknown -= known
    if unknown:
        raise ValueError(f"no application takes {unknown}")
    return config


def arguments_of(import_path: str) -> type[BaseModel]:
    """What an application's builder is annotated to take."""
    module, _, name = import_path.partition(":")
    (parameter,) = inspect.signature(getattr(importlib.import_module(module), name)).parameters.values()
    return parameter.annotation


def switches() -> dict[str, str]:
    """What `infra/serving.env` sets."""
    lines = (ROOT / "infra" / "serving.env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


@contextmanager
def ray_head(**variables: str) -> Iterator[Deployment]:
    """A cluster of one node with dashboard, on free ports; nothing is served yet."""
    command = ("ray", "start", "--head", "--num-cpus=4", "--dashboard-host=127.0.0.1")
    http = free_port()
    with (
        ray_folder() as folder,
        started_ray(command, folder, ENVIRONMENT | variables, takes_applications) as (_, address),
    ):
        yield Deployment(url=f"http://127.0.0.1:{http}", dashboard=address)


@contextmanager
def deployed(
    model: Path, keys: Path, *, variables: dict[str, str] | None = None, **arguments: object
) -> Iterator[Deployment]:
    """The application with two keys, over a model folder; Ray is started with further environment variables."""
    keys.write_text(LINES)
    with ray_head(**variables or {}) as head:
        port = int(head.url.rpartition(":")[2])
        head.deploy(served(port, model=str(model), keys_file=str(keys), **arguments))
        yield head
