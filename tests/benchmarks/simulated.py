"""What waits for what, simulated: items pass through stations, one after the other, on machines that have so many cores."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

_NOTHING = 1e-12  # seconds of work that rounding leaves over


@dataclass(frozen=True, slots=True)
class Station:
    """A kind of task, actor or replica.

    servers: how many there are. together: items that one takes at a time, as many as wait. fixed, each: seconds of one
    core that a batch takes, and each item in it; taken one at a time, what follows another at once is spared `fixed`, as
    a process that is awake need not be woken. threads: cores that one server can keep busy.
    """

    name: str
    each: float
    servers: int = 1
    fixed: float = 0.0
    together: int = 1
    threads: float = 1.0


@dataclass(slots=True)
class _Work:
    station: int
    items: list[float]  # when each came
    left: float
    threads: float


@dataclass(slots=True)
class Passed:
    """came, went: seconds, in the order in which items went. busy: seconds of one core that were used."""

    came: list[float]
    went: list[float]
    busy: float

    def latencies(self, since: float = 0.0) -> list[float]:
        """Sorted; of items that came after `since`."""
        return sorted(went - came for came, went in zip(self.came, self.went, strict=True) if came >= since)


def simulate(
    stations: Sequence[Station], arrivals: Sequence[float], *, cores: float, again_until: float = 0.0
) -> Passed:
    """Items come at `arrivals` (sorted, seconds); before `again_until` each that is done is followed by another at once.

    Servers that work share the cores evenly, as an operating system shares them.
    """
    coming, waiting = deque(arrivals), [deque[float]() for _ in stations]
    free, works = [station.servers for station in stations], list[_Work]()
    awake = [0] * len(stations)  # servers that end something just now
    now, passed = 0.0, Passed([], [], 0.0)
    while coming or works or any(waiting):
        while coming and coming[0] <= now:
            waiting[0].append(coming.popleft())
        for place, station in enumerate(stations):
            while free[place] and waiting[place]:
                items = [waiting[place].popleft() for _ in range(min(station.together, len(waiting[place])))]
                free[place] -= 1
                spared = station.together == 1 and awake[place] > 0
                awake[place] -= spared
                took = station.each * len(items) + (0.0 if spared else station.fixed)
                works.append(_Work(place, items, took, station.threads))
        speeds = _shares([work.threads for work in works], cores)
        ends = [work.left / speed for work, speed in zip(works, speeds, strict=True)]
        step = min([*ends, *([coming[0] - now] if coming else [])])
        now += step
        passed.busy += step * sum(speeds)
        going, awake = [], [0] * len(stations)
        for work, speed in zip(works, speeds, strict=True):
            work.left -= step * speed
            if work.left > _NOTHING:
                going.append(work)
                continue
            free[work.station] += 1
            awake[work.station] += 1
            if work.station + 1 < len(stations):
                waiting[work.station + 1].extend(work.items)
                continue
            passed.came += work.items
            passed.went += [now] * len(work.items)
            if now < again_until:
                waiting[0].extend([now] * len(work.items))
        works = going
    return passed


def _shares(threads: Sequence[float], cores: float) -> list[float]:
    """The cores of each, in the order given: as many as it can use, and no more than its part of what there is."""
    shares, left = [0.0] * len(threads), cores
    for done, place in enumerate(sorted(range(len(threads)), key=threads.__getitem__)):
        shares[place] = min(threads[place], left / (len(threads) - done))
        left -= shares[place]
    return shares
