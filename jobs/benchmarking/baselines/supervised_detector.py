"""A trained class detector: boxes and classes of what a query is about, whatever its words are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from chex.inference.detection import PromptReader
from chex.inference.features import ImageFeatures
from jobs.benchmarking.supervised.model import ClassClassifier, ClassDetector


@dataclass(frozen=True, slots=True)
class SupervisedDetector:
    """device → session of the model in a local folder."""

    folder: str
    parts: ClassVar[frozenset[str]] = frozenset({"boxes", "classes"})

    def __call__(self, device: str) -> ClassSession:
        return ClassSession(ClassDetector.load(self.folder, device))


class ClassSession:
    """The parts of `chex.inference.session.Session` that a class detector has."""

    parts = SupervisedDetector.parts

    def __init__(self, model: ClassDetector) -> None:
        self.reader = PromptReader(model, classifier=ClassClassifier(model))

    def encode(self, images: Sequence[np.ndarray]) -> list[ImageFeatures]:
        """Grayscale images (H, W) uint8, bone bright."""
        return self.reader.encode(images)
