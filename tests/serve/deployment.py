"""A Ray of its own with `infra/serve.yaml` deployed to it, as an operator does it: `ray start`, `serve deploy`."""

from __future__ import annotations

import importlib
import inspect
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import yaml
from pydantic import BaseModel

from tests.serve.security.guarded_app import LINES, bearer

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = Path(sys.executable).parent
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"},
    "RAY_AUTH_MODE": "disabled",
    "RAY_USAGE_STATS_ENABLED": "0",
    "PATH": f"{PROGRAMS}:{os.environ['PATH']}",  # as in an activated environment
    "PYTHONPATH": str(ROOT),
    "OMP_NUM_THREADS": "1",
}


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


def free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


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
    gcs, dashboard, agent, agent_grpc, metrics, client, http = free_ports(7)
    with tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        process = subprocess.Popen(
            [PROGRAMS / "ray", "start", "--head", "--block", "--num-cpus=4", f"--port={gcs}", f"--temp-dir={folder}",
             "--dashboard-host=127.0.0.1", f"--dashboard-port={dashboard}", f"--dashboard-agent-listen-port={agent}",
             f"--dashboard-agent-grpc-port={agent_grpc}", f"--metrics-export-port={metrics}",
             f"--ray-client-server-port={client}", f"--object-store-memory={200 * 2**20}"],
            env=ENVIRONMENT | variables, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            made = Deployment(
                url=f"http://127.0.0.1:{http}",
                dashboard=f"http://127.0.0.1:{dashboard}",
            )
            wait_for(f"{made.dashboard}/api/serve/applications/", process)
            yield made
        finally:
            if process.poll() is None:  # asked to end, Ray would wait half a minute
                for member in (*psutil.Process(process.pid).children(recursive=True), process):
                    member.kill()
                process.wait(timeout=60)


def wait_for(url: str, process: subprocess.Popen, patience: float = 180.0) -> None:
    deadline = time.monotonic() + patience
    while True:
        try:
            if httpx.get(url, timeout=30).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"Ray's dashboard does not answer at {url}")
        time.sleep(0.3)


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
