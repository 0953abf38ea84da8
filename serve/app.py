"""The served application: `serve run serve.app:build model=DIR`, then http://127.0.0.1:8000."""

# Serve reads the type of `build`'s argument as an object: hence no postponed annotations here

import logging

from pydantic import BaseModel, ConfigDict, Field, field_validator
from ray.serve import Application

from chex.embedded import NOTICE, PHANTOM
from pipelines.model_folder import checked_model_folder

logger = logging.getLogger(__name__)


class AppArguments(BaseModel):
    """What `serve run` takes as KEY=VALUE. An unknown key or an impossible value is refused before anything starts."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str = Field(PHANTOM, description="a model folder, local or s3://…; phantom comes with Chex-Ray")
    device: str = Field("auto", pattern="^(auto|cpu|cuda)$")
    detectors: int = Field(1, ge=1, description="replicas of the prompt detector")
    generators: int = Field(1, ge=1, description="replicas of the sentence generator")
    cpus_per_replica: float = Field(0.5, gt=0)
    gpus_per_replica: float = Field(0.0, ge=0)
    most_images: int = Field(64, ge=1, description="uploaded images kept at a time")
    image_seconds: float = Field(1800, gt=0, description="how long an image is kept without being asked")
    most_waiting: int = Field(64, ge=1, description="requests that may wait per deployment before 503 is answered")

    @field_validator("model")
    @classmethod
    def _a_model_folder(cls, value: str) -> str:
        return checked_model_folder(value)  # replicas have another working directory


def build(arguments: AppArguments) -> Application:
    """Ingress -> PromptDetector -> SentenceGenerator, each scaled by itself, with bounded queues."""
    from chex.inference.report import default_prompts
    from serve.ingress import Ingress
    from serve.prompt_detector import PromptDetector
    from serve.sentence_generator import SentenceGenerator

    if arguments.model == PHANTOM:
        logger.warning("the model that comes with Chex-Ray: %s", NOTICE)
    device = arguments.device
    if device == "auto":
        device = "cuda" if arguments.gpus_per_replica else "cpu"
    actor = {"num_cpus": arguments.cpus_per_replica, "num_gpus": arguments.gpus_per_replica}
    bounds = {"max_ongoing_requests": 16, "max_queued_requests": arguments.most_waiting}
    keeping = {"most_images": arguments.most_images, "seconds": arguments.image_seconds}
    prompts = default_prompts()

    detector = PromptDetector.options(num_replicas=arguments.detectors, ray_actor_options=actor, **bounds)
    generator = SentenceGenerator.options(num_replicas=arguments.generators, ray_actor_options=actor, **bounds)
    ingress = Ingress.options(
        ray_actor_options={"num_cpus": 0.1},
        max_ongoing_requests=arguments.most_waiting,
        max_queued_requests=arguments.most_waiting,
    )
    return ingress.bind(
        detector.bind(arguments.model, device, **keeping),
        generator.bind(arguments.model, device),
        (prompts.name, tuple(prompts.queries)),
        **keeping,
    )
