"""What the actors that hold a model may take of a Ray cluster, and how quiet Ray Data is about its work."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from jobs.machines import machines


@dataclass(frozen=True, slots=True)
class ActorPlace:
    """`device` is "cpu" or "cuda"; `resources` are what one actor asks Ray for."""

    device: str
    resources: dict[str, float]


def place_for_actors(device: str, actors: int) -> ActorPlace:
    """For that many actors in all. device: "auto", "cpu" or "cuda".

    Half of the cluster's CPUs at most: actors that hold every CPU would leave none to read the images with.
    Raises ValueError if there is no GPU for "cuda".
    """
    cluster = machines(device).grown(cpus=2 * actors)
    device = device if device != "auto" else "cuda" if cluster.gpus else "cpu"
    if device == "cuda" and not cluster.gpus:
        raise ValueError("device cuda was asked for, but the Ray cluster has no GPU")
    resources = {"num_cpus": min(1.0, cluster.cpus / (2 * actors))}
    if device == "cuda":
        resources["num_gpus"] = min(1.0, cluster.gpus / actors)
    return ActorPlace(device, resources)


def quieten_ray_data() -> None:
    """One progress bar is enough, and importing ray.data sets its own level: so this comes after."""
    from ray.data import DataContext

    logging.getLogger("ray.data").setLevel(logging.WARNING)
    logging.getLogger("ray.data._internal.progress").setLevel(logging.ERROR)
    DataContext.get_current().enable_progress_bars = False
