"""The Ray that a job works on: the one that is there, or a small local one for as long as the job runs."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from jobs.waiting_threads import SPINS

# Ray Data decodes while a worker trains: with fewer slots than this each would wait for the other
LEAST_CPUS = 3


def default_cpus() -> int:
    """The slots of a local Ray: one per core that this process may use, and at least LEAST_CPUS."""
    return max(LEAST_CPUS, len(os.sched_getaffinity(0)))


@contextmanager
def ray_cluster(*, cpus: int | None = None, object_store_bytes: int | None = None) -> Iterator[None]:
    """While the block runs this process is connected to a Ray; only one that was started here ends with it.

    In this order: the Ray that the process is connected to already; the cluster of RAY_ADDRESS, which
    `ray job submit` sets; a local one with `cpus` slots (None: `default_cpus()`), without dashboard, and with token
    authentication unless RAY_AUTH_MODE says otherwise.

    Raises:
        ConnectionError: no cluster answers at RAY_ADDRESS.
        ValueError: RAY_ADDRESS is no address of a cluster.
    """
    joins = bool(os.environ.get("RAY_ADDRESS"))
    if "ray" not in sys.modules:  # it reads these once, when it is imported
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        if not joins:
            os.environ.setdefault("RAY_AUTH_MODE", "token")
            # off, also on Linux: this Ray is of one machine, and what asks for no token listens on loopback alone
            os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    import ray

    if ray.is_initialized():
        yield
        return
    if not joins and os.environ.get("RAY_AUTH_MODE") == "token":
        _keep_token_private()
    local: dict[str, Any] = {
        "address": "local",
        "num_cpus": cpus or default_cpus(),
        "include_dashboard": False,
        "object_store_memory": object_store_bytes,
    }
    ray.init(
        **({} if joins else local),
        runtime_env={"worker_process_setup_hook": process_setup()},
        log_to_driver=False,
        logging_level=logging.ERROR,
    )
    try:
        yield
    finally:
        ray.shutdown()


def _keep_token_private() -> None:
    """Ray writes its token so that every user of the machine could read it: the folder is its owner's alone."""
    folder = Path.home() / ".ray"
    with suppress(OSError):  # if it cannot be written, Ray says so, or has a token from elsewhere
        folder.mkdir(exist_ok=True)
        folder.chmod(0o700)


def process_setup() -> Callable[[], None]:
    """What every process of the job does before its first task; a closure, so that Ray sends it by value."""
    # as a job's environment variables Ray would show the credentials to whoever looks at its dashboard
    spins = SPINS
    joined = bool(os.environ.get("RAY_ADDRESS"))
    store = {name: value for name, value in os.environ.items() if name.startswith(("AWS_", "DICOMWEB_", "MLFLOW_"))}

    def set_up() -> None:
        import os

        import ray

        # Ray Train's guard of its workers asks "the cluster of this machine" whether the training still runs. Where
        # another Ray was started since, that one would be asked, deny it, and the workers would be removed
        os.environ["RAY_ADDRESS"] = ray.get_runtime_context().gcs_address
        if "OMP_WAIT_POLICY" not in os.environ:  # as jobs.waiting_threads, whose module may not be there yet
            os.environ.setdefault("GOMP_SPINCOUNT", spins)
        # a cluster's processes have the environment of the machine's start, not that of the job
        os.environ.update(store)
        # Gloo joins training processes by the address of the host's name, which may be the loopback's (Debian's
        # /etc/hosts): by the one that Ray knows the host by, then
        if joined and "GLOO_SOCKET_IFNAME" not in os.environ:
            import psutil

            address = ray.util.get_node_ip_address()
            for interface, known in psutil.net_if_addrs().items():
                if any(one.address == address for one in known):
                    os.environ["GLOO_SOCKET_IFNAME"] = interface

    return set_up
