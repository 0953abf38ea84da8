"""What the served applications take as KEY=VALUE or as `args`. Unknown keys and impossible values are refused at once."""

# Serve reads these types as objects: hence no postponed annotations here

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from chex.embedded import PHANTOM
from pipelines.model_folder import checked_model_folder


class Shared(BaseModel):
    """What front and model both have to know."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    most_detectors: int | None = Field(None, ge=1, description="the most of them: scaled by load in between")
    most_images: int = Field(64, ge=1, description="uploaded images kept at a time")
    image_seconds: float = Field(1800, gt=0, description="how long an image is kept without being asked")
    most_waiting: int = Field(64, ge=1, description="requests that may wait for the model before 503 is answered")
    request_seconds: float = Field(
        60,
        gt=0,
        description="until 504 is answered, where the client names no time; a replica that is to go may work as long",
    )


class ModelArguments(Shared):
    """Of the detectors and generators."""

    model: str = Field(PHANTOM, description="a model folder, local or s3://…; phantom comes with Chex-Ray")
    device: str = Field("auto", pattern="^(auto|cpu|cuda)$")

    detectors: int = Field(1, ge=1, description="replicas of the prompt detector, or the least of them")
    generators: int = Field(1, ge=1, description="replicas of the sentence generator, or the least of them")
    most_generators: int | None = Field(None, ge=1, description="the most of them: scaled by load in between")
    calls_per_replica: float = Field(2, gt=0, description="calls (each of many requests) in work that scaling aims at")
    grow_after_seconds: float = Field(30, ge=0, description="of too much load, until a replica is added")
    shrink_after_seconds: float = Field(600, ge=0, description="of too little load, until one is given back")
    cpus_per_replica: float = Field(0.5, gt=0)
    gpus_per_replica: float = Field(0.0, ge=0, description="0.5 and 0.5 share a GPU")
    threads_per_replica: int | None = Field(None, ge=1, description="of the processor; as Ray sets them if left out")
    feature_mebibytes: int = Field(256, ge=1, description="of encoded images that a detector keeps")

    @field_validator("model")
    @classmethod
    def _a_model_folder(cls, value: str) -> str:
        return checked_model_folder(value)  # replicas have another working directory

    @model_validator(mode="after")
    def _ranges(self) -> "ModelArguments":
        for name in ("detectors", "generators"):
            least, most = getattr(self, name), getattr(self, f"most_{name}")
            if most is not None and most < least:
                raise ValueError(f"most_{name}: expected at least {name} ({least}); found {most}")
        return self


class FrontArguments(Shared):
    """Of the HTTP front."""

    image_mebibytes: int = Field(1024, ge=1, description="of the uploaded images' pixels, together")
    keys_file: str | None = Field(None, description="lines of serve.security.new_key; without keys: loopback only")
    requests_per_second: float = Field(50, gt=0, description="that a key may ask of each replica of the ingress")
    burst: int = Field(100, ge=1, description="requests that a key may ask at once after a pause")
    cors_origins: tuple[str, ...] = Field((), description="whose pages may ask, as https://host: none by default")
    audit_texts: bool = Field(False, description="whether the audit log quotes what was asked in words")

    @property
    def shards(self) -> int:
        """Of the images: one for each detector that there may be."""
        return self.most_detectors or 1


class AppArguments(FrontArguments, ModelArguments):
    """Of both in one application."""

    @property
    def shards(self) -> int:
        return self.most_detectors or self.detectors
