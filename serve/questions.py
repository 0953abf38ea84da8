"""What the deployments hand to each other; without torch, so that the ingress need not load it."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

import ray

from chex.records import Finding, Query

if TYPE_CHECKING:
    from chex.inference.features import Answer


@dataclass(frozen=True, slots=True)
class StoredImage:
    """An uploaded image as deployments pass it on: its id, and where its (H, W) uint8 pixels lie.

    The reference is inside this record, so that Ray hands on the reference and not a copy of the pixels:
    a replica that has the image's features already never fetches them.
    """

    image_id: str
    pixels: ray.ObjectRef
    stays: bool = True  # false: it came along with its only question, and nothing of it is kept


@dataclass(frozen=True, slots=True)
class Question:
    """Queries about one image. labels: per query, the findings whose probability is told; deadline: epoch seconds.

    for_report: only answers worth a sentence in a report are handed over.
    request_id: of the request they belong to, for the log; the call that carries them serves several.
    """

    image: StoredImage
    queries: tuple[Query, ...]
    labels: tuple[tuple[str, ...], ...]
    deadline: float
    request_id: str | None = None
    for_report: bool = False


@dataclass(frozen=True, slots=True)
class SentencesWanted:
    """A finding with its sentence for every query."""

    deadline: float
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class ReportWanted:
    """A whole report; what only the ingress knows of it: the prompt set and where the image comes from."""

    deadline: float
    prompt_set: str
    queries: tuple[Query, ...]
    input_sha256: str
    sop_instance_uid: str | None
    request_id: str | None = None


Wanted = SentencesWanted | ReportWanted


@dataclass(frozen=True, slots=True)
class Looked:
    """What the detector hands over for one question: its answers, and the hash of the weights that gave them.

    They are packed, so that an ingress that passes them on neither copies them piece by piece nor loads torch.
    """

    packed: bytes
    weights_sha256: str

    @classmethod
    def of(cls, answers: Sequence[Answer], weights_sha256: str) -> Self:
        """Without the candidates of their boxes, which nobody asks for any more."""
        return cls(pickle.dumps([replace(answer, candidates=()) for answer in answers]), weights_sha256)

    @property
    def answers(self) -> list[Answer]:
        return pickle.loads(self.packed)


@dataclass(frozen=True, slots=True)
class Described:
    """The findings of one question, and the hash of the one model that made them."""

    findings: list[Finding]
    weights_sha256: str


class OtherModel(Exception):
    """Detector and generator had different models: while they are replaced, one has the new model before the other."""


class Replaced(Exception):
    """The replica that wrote a report was lost, and by now there is another model, which must not go on with it."""


class Failed(Exception):
    """A fault while the model worked on a request; the replica's log has the details."""
