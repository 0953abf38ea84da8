"""How many machines an archive or an endpoint needs: the formulas, and the simulation of what jobs and endpoint are made of.

tests.benchmarks.sizing_runs measures small runs, tests.benchmarks.sizing_tables sets the simulation beside them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jobs.reporting.cost import Measured, images_per_second
from jobs.reporting.pools import WRITER_CPUS, Pool, pools_for
from tests.benchmarks.simulated import Station, simulate

PROCESSES = ("around", "proxy", "ingress", "detector", "generator")  # in the order in which a request meets them
MOST_TOGETHER = 64
BUSY = 0.6  # the share of its time that a replica works; the rest is for the seconds in which more come


def nodes_for_archive(measured: Measured, images: int, *, hours: float, cores: int, gpus: int = 0) -> int:
    """So many alike nodes report on `images` in `hours`; the rate of one is jobs.reporting.cost's.

    Raises ValueError if the hours pass while the run starts.
    """
    seconds = 3600 * hours - measured.start
    if seconds <= 0:
        raise ValueError(f"{hours} h are not more than the {measured.start} s of the start")
    return math.ceil(images / seconds / images_per_second(measured, cores=cores, gpus=gpus))


@dataclass(frozen=True, slots=True)
class Requests:
    """Seconds of one core that a request takes of each process, by name: of one client `alone`, and `among_many` clients,
    whose requests share what a process does once for all that wait for it.

    "around" is Ray's other processes, and the client.
    """

    alone: Mapping[str, float]
    among_many: Mapping[str, float]

    @property
    def cores(self) -> float:
        """Of one request a second, where no other shares its work."""
        return sum(self.alone.values())


def replicas_for(rate: float, seconds: float) -> int:
    """Replicas of one thread each that answer `rate` requests a second, each busy BUSY of its time at most."""
    return max(1, math.ceil(rate * seconds / BUSY))


def most_through_one_ingress(requests: Requests) -> float:
    """Requests a second: there is one ingress, and one proxy on its node."""
    return BUSY / max(requests.alone["ingress"], requests.alone["proxy"])


def nodes_for_requests(requests: Requests, rate: float, *, cores: int) -> int:
    return math.ceil(rate * requests.cores / BUSY / cores)


def actors_for(steps: dict[str, float], cores: int) -> tuple[int, int]:
    """Detectors and generators of one thread each that leave no core without work."""
    together = sum(steps.values())
    return math.ceil(cores * steps["detect"] / together), math.ceil(cores * steps["generate"] / together)


def archive_stations(
    steps: dict[str, float], actors: tuple[int, int], *, part: int, cpus: int, cores: int, useful: float
) -> list[Station]:
    """What jobs.reporting.graph makes of a Ray with `cpus` slots on machines that have so many cores together.

    steps: seconds of one core for an image, by step, and "around" what Ray itself takes. actors: detectors, generators.
    useful: cores that an actor can keep busy with its threads. An item is a part of `part` images.
    """
    pools = pools_for("cpu", Pool(actors[0]), Pool(actors[1]), cpus=cpus, gpus=0)
    left = cpus - sum(pool.actors * pool.resources["num_cpus"] for pool in (pools.detectors, pools.generators))
    readers = max(1, int((left - WRITER_CPUS) / pools.reader_cpus))
    writers = max(1, int((left - readers * pools.reader_cpus) / WRITER_CPUS))
    threads = min(pools.threads, useful)
    return [
        Station("read", part * steps["read"], servers=readers),
        Station("detect", part * steps["detect"], servers=actors[0], threads=threads),
        Station("generate", part * steps["generate"], servers=actors[1], threads=threads),
        Station("write", part * steps["write"], servers=writers),
        Station("around", part * steps["around"], servers=1000),
    ]


def archive_rate(stations: Sequence[Station], parts: int, *, part: int, cores: int) -> float:
    """Images a second of a run under way, as its summary.json has it: after the first part."""
    went = simulate(stations, [0.0] * parts, cores=cores).went
    return (parts - 1) * part / (went[-1] - went[0])


def endpoint_stations(requests: Requests, *, detectors: int = 1, generators: int = 1) -> list[Station]:
    """What Ray's processes pass on one by one, detectors and generators answer together; only these can be several."""
    batched = {"detector": detectors, "generator": generators}
    stations = []
    for name in PROCESSES:
        each = min(requests.alone[name], requests.among_many[name])
        stations.append(
            Station(
                name, each, servers=batched.get(name, 1), fixed=requests.alone[name] - each,
                together=MOST_TOGETHER if name in batched else 1,
            )
        )  # fmt: skip
    return stations


def endpoint_rate(requests: Requests, clients: int, *, cores: float, seconds: float = 30.0, **replicas: int) -> float:
    """Answers a second to clients that ask again at once."""
    passed = simulate(endpoint_stations(requests, **replicas), [0.0] * clients, cores=cores, again_until=seconds)
    return sum(went <= seconds for went in passed.went) / seconds
