"""Ray and the endpoint, started with the commands that the documentation gives."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import yaml

from tests.free_ports import free_ports
from tests.serve.deployment import running, served
from tests.started_ray import OF_NO_RAY, PROGRAMS, ROOT, ray_folder, started_ray


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
        return _asked(self.dashboard + path, self.token)

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
    autoscaler_metrics, dashboard_metrics, http = free_ports(3)
    with ray_folder() as folder:
        environment = {
            **OF_NO_RAY,
            "HOME": str(folder),
            "AUTOSCALER_METRIC_PORT": str(autoscaler_metrics),
            "DASHBOARD_METRIC_PORT": str(dashboard_metrics),
            **start.exported,
            **environment,
        }
        subprocess.run(["sh", "-c", start.token], env=environment, stderr=subprocess.DEVNULL, check=True)
        token = (folder / ".ray" / "auth_token").read_text()

        def ready(dashboard: str) -> bool:
            return bool(_asked(f"{dashboard}/api/serve/applications/", token))

        with started_ray([*start.command, "--num-cpus=6"], folder, environment, ready) as (process, address):
            yield DocumentedRay(process, address, http, folder, environment)


def _asked(url: str, token: str) -> dict:
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)
