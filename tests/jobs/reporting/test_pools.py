"""How detectors and generators share a cluster."""

from __future__ import annotations

import pytest

from jobs.reporting.pools import WRITER_CPUS, Pool, pools_for


def test_on_cpus_half_of_them_stay_for_reading():
    pools = pools_for("cpu", Pool(1), Pool(3), cpus=4, gpus=2)
    assert pools.detectors.resources == pools.generators.resources == {"num_cpus": 0.5}
    assert pools_for("cpu", Pool(1), Pool(1), cpus=64, gpus=0).detectors.resources == {"num_cpus": 1.0}


@pytest.mark.parametrize("cpus", [1, 2, 3, 16])
@pytest.mark.parametrize("actors", [1, 4])
def test_everything_fits_beside_the_actors(cpus, actors):
    pools = pools_for("cpu", Pool(actors), Pool(actors), cpus=cpus, gpus=0)
    held = 2 * actors * pools.detectors.resources["num_cpus"]
    assert held + pools.reader_cpus + WRITER_CPUS <= max(cpus, 1)


@pytest.mark.parametrize("taken", [0.6, 1.1, 2.5])
def test_everything_fits_beside_what_others_hold(taken):
    """As a served model does: otherwise each part of the job would have room alone, and all of them together none."""
    pools = pools_for("cpu", Pool(2), Pool(2), cpus=4, gpus=0, taken_cpus=taken)
    assert 4 * pools.detectors.resources["num_cpus"] + pools.reader_cpus + WRITER_CPUS <= 4 - taken
    assert pools_for("cpu", Pool(1), Pool(1), cpus=4, gpus=0, taken_cpus=4) == pools_for(
        "cpu", Pool(1), Pool(1), cpus=4, gpus=0
    )


def test_gpus_are_shared_evenly_unless_said_otherwise():
    def gpus(detectors: Pool, generators: Pool, gpus: float) -> tuple[float, float]:
        pools = pools_for("cuda", detectors, generators, cpus=16, gpus=gpus)
        return pools.detectors.resources["num_gpus"], pools.generators.resources["num_gpus"]

    assert gpus(Pool(1), Pool(1), 1) == (0.5, 0.5)
    assert gpus(Pool(2), Pool(6), 8) == (1, 1)
    assert gpus(Pool(1), Pool(1), 8) == (1, 1), "one actor has no use for more"
    assert gpus(Pool(2, 0.25), Pool(1), 1) == (0.25, 0.5)
    assert gpus(Pool(1, 0.2), Pool(1, 0.8), 1) == (0.2, 0.8)


@pytest.mark.parametrize(
    ("detectors", "generators", "gpus", "message"),
    [
        (Pool(1), Pool(1), 0, "has no GPU"),
        (Pool(2, 1), Pool(1, 1), 2, "asked for 2 × 1 and 1 × 1 GPUs; the Ray cluster has 2"),
        (Pool(2, 1), Pool(1), 2, "asked for 2 × 1 GPUs and others; the Ray cluster has 2"),
    ],
)
def test_gpus_that_are_not_there(detectors, generators, gpus, message):
    with pytest.raises(ValueError, match=message):
        pools_for("cuda", detectors, generators, cpus=16, gpus=gpus)


def test_threads_never_exceed_a_node():
    assert pools_for("cpu", Pool(1), Pool(1), cpus=32, gpus=0, nodes=4).threads == 8
    assert pools_for("cpu", Pool(8), Pool(8), cpus=4, gpus=0).threads == 1
