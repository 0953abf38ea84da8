"""A Ray of its own, started by its command line on ports that nobody else has, and ended with all its processes."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil

from tests.free_ports import free_ports

ROOT = Path(__file__).resolve().parents[1]
PROGRAMS = Path(sys.executable).parent
OF_NO_RAY = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")} | {
    "RAY_USAGE_STATS_ENABLED": "0",
    "PATH": f"{PROGRAMS}:{os.environ['PATH']}",  # as in an activated environment
    "PYTHONPATH": str(ROOT),
    "OMP_NUM_THREADS": "1",
}
ENVIRONMENT = OF_NO_RAY | {"RAY_AUTH_MODE": "disabled"}


@contextmanager
def ray_folder() -> Iterator[Path]:
    """For a Ray's session: sockets lie below it, and their paths have to be short."""
    with tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@contextmanager
def started_ray(
    command: Sequence[str],
    folder: Path,
    environment: dict[str, str],
    ready: Callable[[str], bool],
    *,
    gcs: int | None = None,
    object_store: int = 200 * 2**20,
    patience: float = 180.0,
) -> Iterator[tuple[psutil.Popen, str]]:
    """Its process and the address of its dashboard, once `ready` holds for that address.

    command: "ray start --head …" without ports. Raises RuntimeError with what Ray said if it ends or is not ready in time.
    """
    dashboard, agent, agent_grpc, client, metrics, own = free_ports(6)
    log = folder / "start.log"
    process = psutil.Popen(
        [PROGRAMS / command[0], *command[1:], "--block", f"--object-store-memory={object_store}",
         f"--temp-dir={folder / 'ray'}", f"--port={gcs or own}", f"--dashboard-port={dashboard}",
         f"--dashboard-agent-listen-port={agent}", f"--dashboard-agent-grpc-port={agent_grpc}",
         f"--ray-client-server-port={client}", f"--metrics-export-port={metrics}"],
        env=environment, cwd=ROOT, stdout=log.open("wb"), stderr=subprocess.STDOUT,
    )  # fmt: skip
    address, deadline = f"http://127.0.0.1:{dashboard}", time.monotonic() + patience
    try:
        while not _holds(ready, address):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"Ray is not ready at {address}:\n{log.read_text(errors='replace')}")
            time.sleep(0.3)
        yield process, address
    finally:
        if process.poll() is None:  # asked to end, Ray would wait half a minute
            for member in (*process.children(recursive=True), process):
                member.kill()
            process.wait(timeout=60)


def takes_jobs(dashboard: str) -> bool:
    """Which is some seconds after it answers."""
    return httpx.post(f"{dashboard}/api/jobs/", json={"entrypoint": "true"}, timeout=30).status_code == 200


def takes_applications(dashboard: str) -> bool:
    return httpx.get(f"{dashboard}/api/serve/applications/", timeout=30).status_code == 200


def _holds(ready: Callable[[str], bool], address: str) -> bool:
    try:
        return ready(address)
    except (httpx.HTTPError, OSError):
        return False
