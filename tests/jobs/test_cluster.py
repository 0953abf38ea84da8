"""One way to a Ray for every job: which one it is, how it is started, and what its processes know."""

from __future__ import annotations

import os
import sys

import pytest

from jobs.cluster import LEAST_CPUS, default_cpus, ray_cluster
from jobs.waiting_threads import SPINS

STAND_IN = """
calls = []
is_initialized = lambda: False
init = lambda **arguments: calls.append(arguments)
shutdown = lambda: calls.append("shutdown")
"""


@pytest.fixture
def calls(monkeypatch, tmp_path):
    """What is asked of Ray, by a process that has not imported it yet; none is started."""
    (tmp_path / "ray.py").write_text(STAND_IN)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "ray", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("RAY_ADDRESS", "RAY_AUTH_MODE", "RAY_USAGE_STATS_ENABLED", "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"):
        monkeypatch.setenv(name, "")  # so that what the code sets is undone afterwards
        monkeypatch.delenv(name)
    yield lambda: sys.modules["ray"].calls
    sys.modules.pop("ray")


def test_without_a_cluster_a_local_one_is_started_and_ended(calls):
    with ray_cluster():
        (started,) = calls()
    assert started["address"] == "local" and started["include_dashboard"] is False
    assert started["num_cpus"] == default_cpus() >= LEAST_CPUS
    assert os.environ["RAY_AUTH_MODE"] == "token" and os.environ["RAY_USAGE_STATS_ENABLED"] == "0"
    assert calls() == [started, "shutdown"]


def test_the_token_is_its_users_alone(calls, tmp_path):
    (tmp_path / ".ray").mkdir(mode=0o755)
    with ray_cluster():
        assert (tmp_path / ".ray").stat().st_mode & 0o777 == 0o700


def test_the_cluster_of_the_environment_is_joined_as_it_is(calls, monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "auto")
    with ray_cluster(cpus=5):
        (joined,) = calls()
    assert not {"address", "num_cpus", "include_dashboard", "object_store_memory"} & set(joined)
    assert not {"RAY_AUTH_MODE", "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"} & os.environ.keys(), "the cluster's own choice"


def test_an_authentication_that_was_chosen_is_kept(calls, monkeypatch):
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    with ray_cluster():
        assert os.environ["RAY_AUTH_MODE"] == "disabled"


def test_a_job_that_fails_ends_the_ray_it_started(calls):
    with pytest.raises(RuntimeError), ray_cluster():
        raise RuntimeError
    assert calls()[-1] == "shutdown"


def test_a_ray_that_runs_goes_on_running(ray_local):
    with ray_cluster(cpus=7):
        assert ray_local.cluster_resources()["CPU"] == 2
    assert ray_local.is_initialized()


def test_processes_know_their_own_cluster_and_wait_briefly(ray_local):
    @ray_local.remote(num_cpus=0.1)
    def known():
        return os.environ.get("RAY_ADDRESS"), os.environ.get("GOMP_SPINCOUNT")

    assert ray_local.get(known.remote()) == (ray_local.get_runtime_context().gcs_address, SPINS)
