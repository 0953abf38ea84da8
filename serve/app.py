"""The served applications: all in one (`serve run serve.app:build model=DIR`, then http://127.0.0.1:8000), or each alone.

`infra/serve.yaml` deploys front, detector and generator as applications of their own: Serve replaces an application as a
whole, and so a new model leaves the front, and the images uploaded to it, where they are.
"""

# Serve reads the types of these functions' arguments as objects: hence no postponed annotations here

import logging

from ray.serve import Application
from ray.serve.handle import DeploymentHandle
from ray.serve.schema import LoggingConfig

from chex.embedded import NOTICE, PHANTOM
from serve.arguments import AppArguments, DetectorArguments, FrontArguments, GeneratorArguments, ModelArguments

MEBIBYTE = 2**20
LOGGING = LoggingConfig(encoding="JSON", enable_access_log=False)  # the audit log has a line for every request
DETECTOR_APPLICATION, GENERATOR_APPLICATION = "detector", "generator"  # where the front looks for them

logger = logging.getLogger(__name__)


def build(arguments: AppArguments) -> Application:
    """Ingress -> PromptDetector -> SentenceGenerator, each scaled by itself, with bounded queues."""
    return _front(arguments, detector(arguments), generator(arguments))


def front(arguments: FrontArguments) -> Application:
    """The ingress alone; it waits for the other two applications, and may outlive them."""
    return _front(arguments, DETECTOR_APPLICATION, GENERATOR_APPLICATION)


def detector(arguments: DetectorArguments) -> Application:
    """PromptDetector alone."""
    from serve.affinity import ShardRouter
    from serve.prompt_detector import PromptDetector

    if arguments.model == PHANTOM:
        logger.warning("the model that comes with Chex-Ray: %s", NOTICE)
    return PromptDetector.options(
        **_replicas(arguments.detectors, arguments.most_detectors, arguments),
        request_router_config={"request_router_class": ShardRouter},
        **_bounds(arguments),
    ).bind(
        arguments.model,
        _device(arguments),
        most_images=arguments.most_images,
        feature_bytes=arguments.feature_mebibytes * MEBIBYTE,
        seconds=arguments.image_seconds,
        threads=arguments.threads_per_replica,
    )


def generator(arguments: GeneratorArguments) -> Application:
    """SentenceGenerator alone."""
    from serve.sentence_generator import SentenceGenerator

    replicas = _replicas(arguments.generators, arguments.most_generators, arguments)
    return SentenceGenerator.options(**replicas, **_bounds(arguments)).bind(
        arguments.model, _device(arguments), threads=arguments.threads_per_replica
    )


def _front(
    arguments: FrontArguments, detector: Application | DeploymentHandle | str, generator: Application | str
) -> Application:
    from chex import vocabulary
    from serve.ingress import Ingress
    from serve.prompt_sets import prompt_sets
    from serve.security.guard import GuardSettings

    # it takes in more than may wait for the model, so that it is what answers, and health questions pass
    ingress = Ingress.options(
        ray_actor_options={"num_cpus": 0.1},
        max_ongoing_requests=8 * arguments.most_waiting,
        max_queued_requests=8 * arguments.most_waiting,
        backpressure_config={"retry_after_s": 1},
        logging_config=LOGGING,
    )
    return ingress.bind(
        detector,
        generator,
        {name: prompts.queries for name, prompts in prompt_sets(vocabulary.load()).items()},
        most_images=arguments.most_images,
        image_bytes=arguments.image_mebibytes * MEBIBYTE,
        seconds=arguments.image_seconds,
        request_seconds=arguments.request_seconds,
        shards=arguments.shards,
        most_waiting=arguments.most_waiting,
        guard=GuardSettings.checked(
            keys_file=arguments.keys_file,
            cors_origins=arguments.cors_origins,
            requests_per_second=arguments.requests_per_second,
            burst=arguments.burst,
            audit_texts=arguments.audit_texts,
        ),
    )


def _device(arguments: ModelArguments) -> str:
    if arguments.device == "auto":
        return "cuda" if arguments.gpus_per_replica else "cpu"
    return arguments.device


def _bounds(arguments: ModelArguments) -> dict:
    return {
        "max_ongoing_requests": 64,
        "max_queued_requests": arguments.most_waiting,
        "ray_actor_options": {"num_cpus": arguments.cpus_per_replica, "num_gpus": arguments.gpus_per_replica},
        "logging_config": LOGGING,
    }


def _replicas(least: int, most: int | None, arguments: ModelArguments) -> dict:
    if most is None or most == least:
        return {"num_replicas": least}
    return {
        "autoscaling_config": {
            "min_replicas": least,
            "max_replicas": most,
            "target_ongoing_requests": arguments.calls_per_replica,
            "upscale_delay_s": arguments.grow_after_seconds,
            "downscale_delay_s": arguments.shrink_after_seconds,
        }
    }
