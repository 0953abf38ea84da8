"""A Ray cluster on this machine that grows and shrinks: a head without work, and an autoscaler that starts real nodes.

Ray's own `ray.cluster_utils.AutoscalingCluster` cannot be used: it ends every Ray of the machine first, and needs a file
that Ray's packages lack. Its provider of nodes is used here, with the bounds in our own file.
"""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Self

import httpx

from tests.free_ports import free_port
from tests.started_ray import ENVIRONMENT, PROGRAMS, ROOT, ray_folder, started_ray, takes_jobs

HEAD = "ray.head.default"  # the provider knows it by this name
HEAD_ID = "f" * 51 + "00000"
_EMPTY = (
    "cluster_synced_files", "rsync_exclude", "rsync_filter", "initialization_commands", "setup_commands",
    "head_setup_commands", "worker_setup_commands", "head_start_ray_commands", "worker_start_ray_commands",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class GrowingCluster:
    """`dashboard` is its address; `environment` is that of commands which use the cluster."""

    dashboard: str
    environment: dict[str, str]

    def machines(self) -> int:
        """How many there are, without the head."""
        found = httpx.get(f"{self.dashboard}/api/v0/nodes", timeout=30).json()["data"]["result"]["result"]
        return sum(node["state"] == "ALIVE" and not node["is_head_node"] for node in found)

    def command(self, program: str, *arguments: str) -> subprocess.Popen:
        """A program of the environment, started."""
        return subprocess.Popen(
            [PROGRAMS / program, *arguments],
            cwd=ROOT,
            env=self.environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )


@contextmanager
def growing_cluster(machine: dict, *, idle_seconds: float) -> Iterator[GrowingCluster]:
    """A head that offers no CPU, while the block runs.

    machine: as one of `available_node_types` in `infra/cluster-aws.yaml`: resources and bounds.
    """
    gcs = free_port()
    environment = ENVIRONMENT | {
        "RAY_FAKE_CLUSTER": "1", "RAY_enable_autoscaler_v2": "1", "AUTOSCALER_UPDATE_INTERVAL_S": "1",
        "RAY_CLOUD_INSTANCE_ID": HEAD_ID, "RAY_OVERRIDE_NODE_ID_FOR_TESTING": HEAD_ID, "RAY_NODE_TYPE_NAME": HEAD,
    }  # fmt: skip
    with ray_folder() as folder:
        bounds = folder / "bounds.json"
        bounds.write_text(json.dumps(_bounds(machine, idle_seconds, gcs)))
        command = (
            "ray", "start", "--head", "--num-cpus=0", "--dashboard-host=127.0.0.1", f"--autoscaling-config={bounds}",
        )  # fmt: skip
        start = started_ray(command, folder, environment, takes_jobs, gcs=gcs, object_store=100 * 2**20)
        with start as (_, address):
            yield GrowingCluster(address, ENVIRONMENT)


def _bounds(machine: dict, idle_seconds: float, gcs_port: int) -> dict:
    head = {"resources": {"CPU": 0}, "max_workers": 0}
    return {
        "cluster_name": "chex-ray",
        "max_workers": machine["max_workers"],
        "idle_timeout_minutes": idle_seconds / 60,
        "provider": {
            "type": "external",
            "module": "ray.autoscaler._private.fake_multi_node.node_provider.FakeMultiNodeProvider",
            "gcs_address": f"127.0.0.1:{gcs_port}",
            "head_node_id": HEAD_ID,
            "launch_multiple": True,
            "use_node_id_as_ip": True,
            "disable_node_updaters": True,
            "disable_launch_config_check": True,
        },
        "available_node_types": {HEAD: {"node_config": {}, **head}, "machine": {"node_config": {}, **machine}},
        "head_node_type": HEAD,
        "upscaling_speed": 1.0,
        # these machines need nothing, but Ray wants to be told
        "auth": {},
        "docker": {},
        "file_mounts": {},
        "file_mounts_sync_continuously": False,
        **{name: [] for name in _EMPTY},
    }


@dataclass
class TimeLine:
    """`with line:` prints what `look` sees whenever that has changed, with the seconds since the start."""

    look: Callable[[], Counter[str]]
    seen: list[tuple[float, Counter]] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._began, self._stop = time.monotonic(), threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def note(self, text: str) -> None:
        print(f"{time.monotonic() - self._began:6.1f} s  {text}", flush=True)

    @property
    def now(self) -> Counter:
        return self.seen[-1][1] if self.seen else Counter()

    def most(self, kind: str) -> int:
        return max((counts[kind] for _, counts in self.seen), default=0)

    def _watch(self) -> None:
        while not self._stop.wait(0.3):
            try:
                counts = self.look()
            except (httpx.HTTPError, KeyError):
                continue  # busy, or about to end
            if not self.seen or self.seen[-1][1] != counts:
                self.seen.append((time.monotonic() - self._began, counts))
                self.note(", ".join(f"{name} {count}" for name, count in sorted(counts.items())) or "nothing")
