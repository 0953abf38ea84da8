"""What the typed arguments become: replicas, scaling, bounds."""

from __future__ import annotations

import pytest

from serve.app import build
from serve.arguments import AppArguments


def deployments(**arguments) -> dict:
    ingress = build(AppArguments(**arguments))._bound_deployment
    detector, generator = (child._bound_deployment for child in ingress.init_args[:2])
    return {one.name: one for one in (ingress, detector, generator)}


def test_fixed_numbers_of_replicas():
    found = deployments(detectors=2, generators=3)
    assert found["PromptDetector"].num_replicas == 2 and found["SentenceGenerator"].num_replicas == 3
    assert found["Ingress"].init_kwargs["shards"] == 2


def test_scaling_between_bounds_for_each_deployment():
    found = deployments(
        detectors=1, most_detectors=4, generators=2, calls_per_replica=3, grow_after_seconds=5, shrink_after_seconds=60
    )
    scaling = found["PromptDetector"]._deployment_config.autoscaling_config
    assert (scaling.min_replicas, scaling.max_replicas, scaling.target_ongoing_requests) == (1, 4, 3)
    assert (scaling.upscale_delay_s, scaling.downscale_delay_s) == (5, 60)
    assert found["SentenceGenerator"]._deployment_config.autoscaling_config is None
    assert found["SentenceGenerator"].num_replicas == 2
    assert found["Ingress"].init_kwargs["shards"] == 4  # as many as there may be detectors


def test_every_queue_has_an_end():
    for deployment in deployments(most_waiting=5).values():
        config = deployment._deployment_config
        assert 0 < config.max_queued_requests <= 100 and 0 < config.max_ongoing_requests <= 100


def test_a_replica_that_is_to_go_may_answer_first():
    for deployment in deployments(request_seconds=90).values():
        assert deployment._deployment_config.graceful_shutdown_timeout_s == 90


def test_gpus_and_threads_reach_the_replicas():
    found = deployments(gpus_per_replica=0.5, threads_per_replica=3)
    for name in ("PromptDetector", "SentenceGenerator"):
        assert found[name].ray_actor_options["num_gpus"] == 0.5
        assert found[name].init_args[1] == "cuda" and found[name].init_kwargs["threads"] == 3
    assert not found["Ingress"].ray_actor_options.get("num_gpus")


def test_fewer_at_most_than_at_least_is_refused():
    with pytest.raises(ValueError, match="most_generators"):
        AppArguments(generators=3, most_generators=2)
