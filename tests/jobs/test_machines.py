"""What a job may count on, where more machines come and where they do not."""

from __future__ import annotations

import time

from jobs.machines import Machines, machines


def test_a_cluster_that_does_not_grow_stays_as_it_is(ray_local):
    assert machines() == machines("cuda") == Machines(cpus=2, gpus=0, nodes=1)
    assert machines().grown(cpus=100, gpus=8) == machines()


def test_what_others_hold_is_told(ray_local, caplog):
    import ray

    class Endpoint:
        def ready(self) -> None: ...

    caplog.set_level("INFO")
    free = machines().taken_cpus
    endpoint = ray.remote(Endpoint).options(num_cpus=1).remote()
    ray.get(endpoint.ready.remote())
    deadline = time.monotonic() + 30
    while machines().taken_cpus < free + 1:  # the cluster hears of it a little later
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert "others hold 1 of 2 CPUs of the cluster" in caplog.text
    ray.kill(endpoint)


def test_more_of_the_same_kind_come():
    first = Machines(cpus=8, gpus=1, nodes=1, more_come=True)
    assert first.grown(cpus=8, gpus=1) == first
    assert first.grown(cpus=4, gpus=4) == Machines(32, 4, 4, more_come=True)
    assert first.grown(cpus=20) == Machines(20, 2.5, 3, more_come=True)


def test_no_gpu_comes_where_the_first_machine_has_none():
    assert Machines(8, 0, more_come=True).grown(cpus=4, gpus=4) == Machines(8, 0, more_come=True)
