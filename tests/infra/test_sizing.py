"""How many machines: the formulas, the simulation, the measured runs that it has to agree with, and the document."""

from __future__ import annotations

import pytest

from jobs.reporting.cost import Measured, hours
from tests.benchmarks import sizing
from tests.benchmarks.simulated import Station, simulate
from tests.benchmarks.sizing import Requests, actors_for, nodes_for_archive, nodes_for_requests
from tests.benchmarks.sizing_tables import DOCUMENT, compared, share, with_tables

MEASURED = Measured(read=0.08, model=0.02, write=0.02, start=72, efficiency=0.9)
ALONE = {"around": 0.004, "proxy": 0.002, "ingress": 0.004, "detector": 0.01, "generator": 0.02}
ASKED = Requests(ALONE, {name: seconds / 2 for name, seconds in ALONE.items()})


def test_nodes_are_enough_and_one_less_is_not():
    for images, cores, gpus in ((1_000_000, 16, 0), (10_000_000, 16, 1), (10_000_000, 64, 4)):
        nodes = nodes_for_archive(MEASURED, images, hours=10, cores=cores, gpus=gpus)
        assert hours(MEASURED, images, cores=nodes * cores, gpus=nodes * gpus) <= 10
        if nodes > 1:
            assert hours(MEASURED, images, cores=(nodes - 1) * cores, gpus=(nodes - 1) * gpus) > 10
    with pytest.raises(ValueError, match="start"):
        nodes_for_archive(MEASURED, 1, hours=0.01, cores=16)


def test_requests_take_cores_and_have_one_way_in():
    assert ASKED.cores == pytest.approx(0.04)
    assert nodes_for_requests(ASKED, 50, cores=2) == 2  # 2 cores' work, at 60 %
    assert sizing.replicas_for(50, ASKED.alone["generator"]) == 2
    assert sizing.most_through_one_ingress(ASKED) == pytest.approx(150)


def test_stations_in_a_row_work_at_the_slowests_pace():
    """Deterministic servers of their own cores: known in closed form."""
    row = [Station("a", 1.0), Station("b", 3.0), Station("c", 2.0)]
    passed = simulate(row, [0.0] * 5, cores=8)
    assert passed.went == pytest.approx([6, 9, 12, 15, 18])
    assert passed.busy == pytest.approx(5 * 6)


def test_one_core_is_shared_and_no_work_is_lost():
    passed = simulate([Station("a", 1.0, servers=3)], [0.0, 0.0, 0.0], cores=1)
    assert passed.went == pytest.approx([3, 3, 3])
    later = simulate([Station("a", 1.0, servers=2)], [0.0, 0.5], cores=1)
    assert later.went == pytest.approx([1.5, 2.0])
    assert simulate([Station("a", 4.0, threads=2)], [0.0], cores=8).went == pytest.approx([2.0])


def test_what_waits_goes_together():
    station = Station("a", 0.1, fixed=1.0, together=3)
    passed = simulate([station], [0.0, 0.2, 0.3, 0.4, 0.5], cores=1)
    assert passed.went == pytest.approx([1.1, 2.4, 2.4, 2.4, 3.5])


def test_what_follows_at_once_need_not_wake_anybody():
    passed = simulate([Station("a", 0.1, fixed=1.0)], [0.0, 0.2, 0.3, 5.0], cores=1)
    assert passed.went == pytest.approx([1.1, 1.2, 1.3, 6.1])


@pytest.mark.parametrize("waking", [0.0, 0.5])
def test_random_arrivals_wait_as_theory_says(waking):
    """One server, constant work s = 1, random arrivals at rate r: the mean wait of M/D/1 is r / (2 (1 - r)), and where an
    idle server takes d to wake up (Welch 1964), by (2 d + r d²) / (2 (1 + r d)) more."""
    import random

    draw, at, arrivals, rate = random.Random(0), 0.0, [], 0.7
    for _ in range(40_000):
        arrivals.append(at := at + draw.expovariate(rate))
    passed = simulate([Station("a", 1.0, fixed=waking)], arrivals, cores=4)
    waits = [latency - 1.0 for latency in passed.latencies()]
    more = (2 * waking + rate * waking**2) / (2 * (1 + rate * waking))
    assert sum(waits) / len(waits) == pytest.approx(rate / (2 * (1 - rate)) + more, rel=0.05)


def test_clients_that_ask_again_keep_to_littles_law():
    passed = simulate([Station("a", 0.1, servers=2)], [0.0] * 6, cores=2, again_until=50)
    rate = sum(went <= 50 for went in passed.went) / 50
    assert rate == pytest.approx(20, rel=0.01)
    latencies = passed.latencies(since=5)
    assert rate * sum(latencies) / len(latencies) == pytest.approx(6, rel=0.02)


def test_the_simulation_agrees_with_the_runs_that_were_measured():
    """On what was recorded last."""
    found = compared()
    assert len(found) >= 12
    for name, _, rate, simulated in found:
        assert 2 / 3 < rate / simulated < 1.5, f"{name}: {rate} measured, {simulated} simulated"


def test_the_documents_tables_are_what_the_formulas_give():
    """After a new measurement or another formula: python -m tests.benchmarks.sizing_tables --write"""
    text = DOCUMENT.read_text(encoding="utf-8")
    assert with_tables(text) == text


def test_an_archives_pools_are_worth_their_actors():
    steps = {"read": 0.01, "detect": 0.02, "generate": 0.04, "write": 0.001, "around": 0.009}
    enough = actors_for(steps, 16)
    assert enough == (4, 8)
    assert share(steps, enough) > 0.85 and share(steps, (1, 1)) < 0.2
    assert share(steps, (1, 1)) == pytest.approx(1 / 0.04 * sum(steps.values()) / 16, rel=0.02)  # the generator's pace
