"""Ray and the endpoint, started with the commands that the documentation gives."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import yaml

from tests.infra.security.listening import family
from tests.serve.deployment import ROOT, free_ports, running, served

PROGRAMS = Path(sys.executable).parent


@dataclass(frozen=True, slots=True)
class HeadStart:
    """A command, what is exported before it, and what makes the token (in a shell)."""

    command: list[str]
    exported: dict[str, str]
    token: str


def of_one_machine() -> HeadStart:
    """README.md's."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (block,) = (text for text in re.findall(r"```\n(.*?)```", readme, re.DOTALL) if "ray start --head" in text)
    exported = dict(re.findall(r"\b(RAY_\w+)=(\S+)", "\n".join(re.findall(r"^export .*$", block, re.MULTILINE))))
    (line,) = re.findall(r"^ray start --head .*$", block, re.MULTILINE)
    (token,) = re.findall(r"^(.*ray get-auth-token.*)$", block, re.MULTILINE)
    return HeadStart(shlex.split(line), exported, token)


def of_a_head(cluster: str) -> HeadStart:
    """Of a launcher's file, without what only the launcher can give it."""
    text = (ROOT / "infra" / cluster).read_text(encoding="utf-8")
    config = yaml.safe_load(text)
    (line,) = (command for command in config["head_start_ray_commands"] if "--head" in command)
    exported = re.findall(r"--env (\w+)=(\S+)", "\n".join(config["docker"]["run_options"]))
    words = [word for word in shlex.split(line) if not word.startswith("--autoscaling-config")]
    (token,) = re.findall(r"^# +(.*ray get-auth-token.*)$", text, re.MULTILINE)
    return HeadStart(words, dict(exported), token)


@dataclass(frozen=True, slots=True)
class DocumentedRay:
    """`folder` holds Ray's session and logs, `environment` is what whoever works with it has."""

    process: psutil.Popen
    dashboard: str
    http_port: int
    folder: Path
    environment: dict[str, str]

    @property
    def token(self) -> str:
        return Path(self.environment["HOME"], ".ray", "auth_token").read_text()

    def run(self, *command: str, timeout: float = 300) -> subprocess.CompletedProcess:
        """A program of this environment, with the address of the cluster."""
        environment = {**self.environment, "RAY_API_SERVER_ADDRESS": self.dashboard}
        return subprocess.run(
            [PROGRAMS / command[0], *command[1:]], cwd=ROOT, env=environment, capture_output=True, text=True,
            timeout=timeout, check=False,
        )  # fmt: skip

    def ask(self, path: str) -> dict:
        """What the dashboard says to whoever has the token."""
        request = urllib.request.Request(self.dashboard + path, headers={"Authorization": f"Bearer {self.token}"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def serve(self, model: Path, *, host: str | None = None, **arguments: object) -> None:
        """Deploys infra/serve.yaml; Raises RuntimeError if it does not run in four minutes."""
        config = served(self.http_port, model=str(model), **arguments)
        config["http_options"] |= {"host": host} if host else {}
        file = self.folder / "serve.yaml"
        file.write_text(yaml.safe_dump(config))
        done = self.run("serve", "deploy", str(file), "--address", self.dashboard)
        end = time.monotonic() + 240
        while not done.returncode and time.monotonic() < end:
            if running(self.ask("/api/serve/applications/")["applications"]):
                return
            time.sleep(0.5)
        raise RuntimeError(f"the endpoint does not run: {done.stdout}{done.stderr}")


@contextmanager
def documented_ray(start: HeadStart, **environment: str) -> Iterator[DocumentedRay]:
    """The command's Ray on ports that nobody else has, with a new token; of what it says nothing else is changed."""
    gcs, dashboard, agent, agent_grpc, client, metrics, autoscaler_metrics, dashboard_metrics, http = free_ports(9)
    with tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("RAY_")},
            "HOME": folder,
            "PATH": f"{PROGRAMS}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "RAY_USAGE_STATS_ENABLED": "0",
            "OMP_NUM_THREADS": "1",
            "AUTOSCALER_METRIC_PORT": str(autoscaler_metrics),
            "DASHBOARD_METRIC_PORT": str(dashboard_metrics),
            **start.exported,
            **environment,
        }
        subprocess.run(["sh", "-c", start.token], env=environment, stderr=subprocess.DEVNULL, check=True)
        log = Path(folder) / "start.log"
        process = psutil.Popen(
            [PROGRAMS / start.command[0], *start.command[1:], "--block", "--num-cpus=6", f"--object-store-memory={200 * 2**20}",
             f"--temp-dir={folder}/ray", f"--port={gcs}", f"--dashboard-port={dashboard}",
             f"--dashboard-agent-listen-port={agent}", f"--dashboard-agent-grpc-port={agent_grpc}",
             f"--ray-client-server-port={client}", f"--metrics-export-port={metrics}"],
            env=environment, cwd=ROOT, stdout=log.open("wb"), stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            made = DocumentedRay(process, f"http://127.0.0.1:{dashboard}", http, Path(folder), environment)
            _wait(made)
            yield made
        finally:
            if process.poll() is None:  # asked to end, Ray would wait half a minute
                for member in reversed(family(process)):
                    member.kill()
                process.wait(timeout=60)


def _wait(made: DocumentedRay, patience: float = 180.0) -> None:
    end = time.monotonic() + patience
    while True:
        try:
            made.ask("/api/serve/applications/")
            return
        except OSError as fault:
            if made.process.poll() is not None or time.monotonic() > end:
                log = (made.folder / "start.log").read_text(errors="replace")
                raise RuntimeError(f"Ray's dashboard does not answer: {fault}\n{log}") from None
        time.sleep(0.5)
