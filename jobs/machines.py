"""The machines of a Ray cluster as a job may count on them, also where its autoscaler has still to bring them."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass, field

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Machines:
    """What those that are there offer together. `more_come`: as many of their kind as work asks for. `taken_cpus`: held
    by others when it was asked, where no more come.
    """

    cpus: float
    gpus: float
    nodes: int = 1
    more_come: bool = False
    taken_cpus: float = field(default=0.0, compare=False)

    def grown(self, *, cpus: float, gpus: float = 0) -> Machines:
        """With as many more of the same kind as offer so much; the same where no more come."""
        if not self.more_come:
            return self
        times = max(1.0, cpus / self.cpus, gpus / self.gpus if self.gpus else 0)
        return Machines(times * self.cpus, times * self.gpus, math.ceil(times * self.nodes), more_come=True)


def device_here(asked: str = "auto") -> str:
    """What this process computes on by itself: "auto" is its GPU if it has one; anything else is taken as it is."""
    if asked != "auto":
        return asked
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def machines(device: str = "auto") -> Machines:
    """Of the cluster that this process is connected to. device: "auto", "cpu" or "cuda".

    Where none is there yet, or none with a GPU for "cuda", the autoscaler is asked for the first, and it is waited for:
    Ray does not tell which kinds it could bring.
    """
    import ray

    more_come = _more_come()
    wanted = "GPU" if device == "cuda" else "CPU"
    if more_come and not ray.cluster_resources().get(wanted):
        logger.info("waiting for the cluster's first machine%s", " with a GPU" if wanted == "GPU" else "")
        ray.get(ray.remote(_nothing).options(num_cpus=1, num_gpus=int(wanted == "GPU")).remote())
    cluster = ray.cluster_resources()
    nodes = sum(node["Alive"] and node["Resources"].get("CPU", 0) > 0 for node in ray.nodes())
    taken = {name: cluster.get(name, 0) - free for name, free in _free(cluster).items()}
    if told := [f"{taken[name]:g} of {cluster[name]:g} {name}s" for name in taken if taken[name] > 0 and not more_come]:
        logger.info("others hold %s of the cluster: the job may wait for them", " and ".join(told))
    return Machines(
        cluster.get("CPU", 1), cluster.get("GPU", 0), max(1, nodes), more_come, 0.0 if more_come else taken["CPU"]
    )


def _free(cluster: dict[str, float]) -> dict[str, float]:
    import ray

    available = ray.available_resources()  # what is taken as a whole is left out
    return {name: available.get(name, 0.0) for name in ("CPU", "GPU")}


def _more_come() -> bool:
    # version 2 of the autoscaler is on where `ray up` or KubeRay made the cluster, and off where somebody started Ray
    from ray.autoscaler.v2.utils import is_autoscaler_v2

    return is_autoscaler_v2(fetch_from_server=True)


def _nothing() -> None:
    """What the first machine has to do."""
