"""How the two pools of actors share the machines of a Ray cluster."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pool:
    """`resources` are what one actor asks Ray for."""

    actors: int
    gpus: float | None = None  # per actor; None: an equal share of what the other pool leaves
    resources: dict[str, float] | None = None


@dataclass(frozen=True, slots=True)
class Pools:
    """`device` is "cpu" or "cuda"; `threads` are torch's in each actor; `reader_cpus` are what a task that reads takes."""

    device: str
    detectors: Pool
    generators: Pool
    threads: int
    reader_cpus: float = 1.0


WRITER_CPUS = 0.25  # little work, which must not wait until no image is left to read


def pools_for(
    device: str, detectors: Pool, generators: Pool, *, cpus: float, gpus: float, nodes: int = 1, taken_cpus: float = 0.0
) -> Pools:
    """device: "cpu" or "cuda"; cpus, gpus and nodes are all that the cluster has, and taken_cpus what others hold of it.

    The actors get half of the free CPUs at most: if they held every CPU, none would be left to read the images with. Where
    nothing is free they are made for the whole cluster, and wait. Raises ValueError if the GPUs are not there.
    """
    if device == "cuda" and not gpus:
        raise ValueError("device cuda was asked for, but the Ray cluster has no GPU")
    actors = detectors.actors + generators.actors
    free = cpus - taken_cpus if taken_cpus < cpus else cpus
    each = {"num_cpus": min(1.0, free / (2 * actors))}
    reader_cpus = max(0.25, min(1.0, free / 2 - WRITER_CPUS))
    # more threads than slots: what reads images leaves its core now and then, and a pool that waits leaves its own
    threads = max(1, min(int(cpus / nodes), int(2 * cpus / actors)))
    if device == "cpu":
        placed = (Pool(pool.actors, None, each) for pool in (detectors, generators))
        return Pools(device, *placed, threads, reader_cpus)
    given = [pool for pool in (detectors, generators) if pool.gpus is not None]
    left = gpus - sum(pool.actors * pool.gpus for pool in given)
    sharing = actors - sum(pool.actors for pool in given)
    if left < -1e-6 or (sharing and left <= 0):
        asked = " and ".join(f"{pool.actors} × {pool.gpus:g}" for pool in given)
        raise ValueError(f"asked for {asked} GPUs{' and others' if sharing else ''}; the Ray cluster has {gpus:g}")
    share = min(1.0, left / sharing) if sharing else None
    placed = []
    for pool in (detectors, generators):
        of_one = share if pool.gpus is None else pool.gpus
        placed.append(Pool(pool.actors, of_one, each | {"num_gpus": of_one}))
    return Pools(device, *placed, threads, reader_cpus)
