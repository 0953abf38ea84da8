"""The served application: `serve run serve.app:build model=DIR`, then http://127.0.0.1:8000."""

# Serve reads the type of `build`'s argument as an object: hence no postponed annotations here

import logging

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from ray.serve import Application
from ray.serve.schema import LoggingConfig

from chex.embedded import NOTICE, PHANTOM
from pipelines.model_folder import checked_model_folder

MEBIBYTE = 2**20
LOGGING = LoggingConfig(encoding="JSON", enable_access_log=False)  # the audit log has a line for every request

logger = logging.getLogger(__name__)


class AppArguments(BaseModel):
    """What `serve run` takes as KEY=VALUE. An unknown key or an impossible value is refused before anything starts."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str = Field(PHANTOM, description="a model folder, local or s3://…; phantom comes with Chex-Ray")
    device: str = Field("auto", pattern="^(auto|cpu|cuda)$")

    detectors: int = Field(1, ge=1, description="replicas of the prompt detector, or the least of them")
    most_detectors: int | None = Field(None, ge=1, description="the most of them: scaled by load in between")
    generators: int = Field(1, ge=1, description="replicas of the sentence generator, or the least of them")
    most_generators: int | None = Field(None, ge=1, description="the most of them: scaled by load in between")
    calls_per_replica: float = Field(2, gt=0, description="calls (each of many requests) in work that scaling aims at")
    grow_after_seconds: float = Field(30, ge=0, description="of too much load, until a replica is added")
    shrink_after_seconds: float = Field(600, ge=0, description="of too little load, until one is given back")
    cpus_per_replica: float = Field(0.5, gt=0)
    gpus_per_replica: float = Field(0.0, ge=0, description="0.5 and 0.5 share a GPU")
    threads_per_replica: int | None = Field(None, ge=1, description="of the processor; as Ray sets them if left out")

    most_images: int = Field(64, ge=1, description="uploaded images kept at a time")
    image_mebibytes: int = Field(1024, ge=1, description="of their pixels, together")
    feature_mebibytes: int = Field(256, ge=1, description="of encoded images that a detector keeps")
    image_seconds: float = Field(1800, gt=0, description="how long an image is kept without being asked")
    most_waiting: int = Field(64, ge=1, description="requests that may wait for the model before 503 is answered")
    request_seconds: float = Field(60, gt=0, description="until 504 is answered, where the client names no time")

    keys_file: str | None = Field(None, description="lines of serve.security.new_key; without keys: loopback only")
    requests_per_second: float = Field(50, gt=0, description="that a key may ask of each replica of the ingress")
    burst: int = Field(100, ge=1, description="requests that a key may ask at once after a pause")
    cors_origins: tuple[str, ...] = Field((), description="whose pages may ask, as https://host: none by default")
    audit_texts: bool = Field(False, description="whether the audit log quotes what was asked in words")

    @field_validator("model")
    @classmethod
    def _a_model_folder(cls, value: str) -> str:
        return checked_model_folder(value)  # replicas have another working directory

    @model_validator(mode="after")
    def _ranges(self) -> "AppArguments":
        for name in ("detectors", "generators"):
            least, most = getattr(self, name), getattr(self, f"most_{name}")
            if most is not None and most < least:
                raise ValueError(f"most_{name}: expected at least {name} ({least}); found {most}")
        return self


def build(arguments: AppArguments) -> Application:
    """Ingress -> PromptDetector -> SentenceGenerator, each scaled by itself, with bounded queues."""
    from chex import vocabulary
    from serve.affinity import ShardRouter
    from serve.ingress import Ingress
    from serve.prompt_detector import PromptDetector
    from serve.prompt_sets import prompt_sets
    from serve.security.guard import GuardSettings
    from serve.sentence_generator import SentenceGenerator

    if arguments.model == PHANTOM:
        logger.warning("the model that comes with Chex-Ray: %s", NOTICE)
    device = arguments.device
    if device == "auto":
        device = "cuda" if arguments.gpus_per_replica else "cpu"
    actor = {"num_cpus": arguments.cpus_per_replica, "num_gpus": arguments.gpus_per_replica}
    bounds = {"max_ongoing_requests": 64, "max_queued_requests": arguments.most_waiting, "ray_actor_options": actor}
    bounds |= {"logging_config": LOGGING}
    keeping = {"most_images": arguments.most_images, "seconds": arguments.image_seconds}
    shards = arguments.most_detectors or arguments.detectors

    detector = PromptDetector.options(
        **_replicas(arguments.detectors, arguments.most_detectors, arguments),
        request_router_config={"request_router_class": ShardRouter},
        **bounds,
    )
    generator = SentenceGenerator.options(
        **_replicas(arguments.generators, arguments.most_generators, arguments), **bounds
    )
    # it takes in more than may wait for the model, so that it is what answers, and health questions pass
    ingress = Ingress.options(
        ray_actor_options={"num_cpus": 0.1},
        max_ongoing_requests=8 * arguments.most_waiting,
        max_queued_requests=8 * arguments.most_waiting,
        backpressure_config={"retry_after_s": 1},
        logging_config=LOGGING,
    )
    return ingress.bind(
        detector.bind(
            arguments.model,
            device,
            feature_bytes=arguments.feature_mebibytes * MEBIBYTE,
            threads=arguments.threads_per_replica,
            **keeping,
        ),
        generator.bind(arguments.model, device, threads=arguments.threads_per_replica),
        {name: prompts.queries for name, prompts in prompt_sets(vocabulary.load()).items()},
        image_bytes=arguments.image_mebibytes * MEBIBYTE,
        request_seconds=arguments.request_seconds,
        shards=shards,
        most_waiting=arguments.most_waiting,
        guard=GuardSettings.checked(
            keys_file=arguments.keys_file,
            cors_origins=arguments.cors_origins,
            requests_per_second=arguments.requests_per_second,
            burst=arguments.burst,
            audit_texts=arguments.audit_texts,
        ),
        **keeping,
    )


def _replicas(least: int, most: int | None, arguments: AppArguments) -> dict:
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
