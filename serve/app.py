"""The served application (`serve run serve.app:build model=DIR`, then http://127.0.0.1:8000), or its halves alone.

`infra/serve.yaml` deploys front and model as applications of their own: Serve replaces an application as a whole, and so
a new model leaves the front, and the images uploaded to it, where they are.
"""

# Serve reads the types of these functions' arguments as objects: hence no postponed annotations here

import logging

from ray.serve import Application
from ray.serve.schema import LoggingConfig

from chex.embedded import NOTICE, PHANTOM
from serve.arguments import AppArguments, FrontArguments, ModelArguments

MEBIBYTE = 2**20
LOGGING = LoggingConfig(encoding="JSON", enable_access_log=False)  # the audit log has a line for every request
MODEL_APPLICATION = "model"  # where the front looks for it

logger = logging.getLogger(__name__)


def build(arguments: AppArguments) -> Application:
    """Ingress -> PromptDetector -> SentenceGenerator, each scaled by itself, with bounded queues."""
    return _front(arguments, *_parts(arguments))


def front(arguments: FrontArguments) -> Application:
    """The ingress alone; it waits for the model's application, and outlives it."""
    return _front(arguments, MODEL_APPLICATION, MODEL_APPLICATION)


def model(arguments: ModelArguments) -> Application:
    """PromptDetector and SentenceGenerator alone."""
    from serve.model_root import ModelRoot

    return ModelRoot.bind(*_parts(arguments))


def _parts(arguments: ModelArguments) -> tuple[Application, Application]:
    """Detectors and generators."""
    from serve.affinity import ShardRouter
    from serve.prompt_detector import PromptDetector
    from serve.sentence_generator import SentenceGenerator

    if arguments.model == PHANTOM:
        logger.warning("the model that comes with Chex-Ray: %s", NOTICE)
    device = arguments.device
    if device == "auto":
        device = "cuda" if arguments.gpus_per_replica else "cpu"
    actor = {"num_cpus": arguments.cpus_per_replica, "num_gpus": arguments.gpus_per_replica}
    bounds = {"max_ongoing_requests": 64, "max_queued_requests": arguments.most_waiting, "ray_actor_options": actor}
    bounds |= {"graceful_shutdown_timeout_s": arguments.request_seconds, "logging_config": LOGGING}
    detector = PromptDetector.options(
        **_replicas(arguments.detectors, arguments.most_detectors, arguments),
        request_router_config={"request_router_class": ShardRouter},
        **bounds,
    )
    generator = SentenceGenerator.options(
        **_replicas(arguments.generators, arguments.most_generators, arguments), **bounds
    )
    return (
        detector.bind(
            arguments.model,
            device,
            most_images=arguments.most_images,
            feature_bytes=arguments.feature_mebibytes * MEBIBYTE,
            seconds=arguments.image_seconds,
            threads=arguments.threads_per_replica,
        ),
        generator.bind(arguments.model, device, threads=arguments.threads_per_replica),
    )


def _front(arguments: FrontArguments, detector: Application | str, generator: Application | str) -> Application:
    """detector, generator: parts of this application, or the names of those that they are in."""
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
        graceful_shutdown_timeout_s=arguments.request_seconds,
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
