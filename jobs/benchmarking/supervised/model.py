"""Chex-Ray's image encoder and detector with a learned vector per class in place of every text."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from chex.config import from_mapping
from chex.inference.classification import ABNORMAL, FindingClassifier
from chex.model.detections import Detections, EncodedImages
from chex.model.image_encoder import ImageEncoder
from chex.model.prompt_detector import PromptDetector
from chex.model_config import ModelConfig
from chex.vocabulary import load as load_vocabulary
from jobs.benchmarking.subjects import subject_of_text, subjects

CONFIG, WEIGHTS = "config.json", "model.safetensors"


class ClassVectors(nn.Module):
    """queries (n, D): what is asked; present and absent (C, D): what a finding's region looks like with and without."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.asked = {subject: index for index, subject in enumerate(subjects())}
        findings = [subject.name for subject in self.asked if subject.kind == "finding"]
        self.classified = {name: index for index, name in enumerate((*findings, ABNORMAL))}
        self.queries = nn.Parameter(torch.randn(len(self.asked), width))
        self.present = nn.Parameter(torch.randn(len(self.classified), width))
        self.absent = nn.Parameter(torch.randn(len(self.classified), width))

    def of_text(self, text: str) -> Tensor:
        """The query (D) of the class that a text is about; of a text about none, the mean of all findings' queries."""
        subject = subject_of_text(text)
        if subject is None:
            return self.queries[[i for s, i in self.asked.items() if s.kind == "finding"]].mean(dim=0)
        return self.queries[self.asked[subject]]


class ClassDetector(nn.Module):
    """Answers as `chex.model.chex.Chex` does where boxes and classes are concerned."""

    def __init__(self, config: ModelConfig, provenance: dict | None = None) -> None:
        super().__init__()
        width = config.image_encoder.embedding
        self.config = config
        self.provenance = {"model_name": f"class detector as {config.name}", **(provenance or {})}
        self.image_encoder = ImageEncoder(config.image_encoder)
        self.detector = PromptDetector(config.detector, width)
        self.classes = ClassVectors(width)

    @property
    def device(self) -> torch.device:
        return self.classes.queries.device

    def encode_images(self, pixels: Tensor) -> EncodedImages:
        """pixels (B, S, S) uint8 → patch tokens."""
        p = self.config.preprocessing
        return self.image_encoder((pixels.to(self.device).float() / 255 - p.mean) / p.std)

    def text_features(self, texts: Sequence[str]) -> Tensor:
        """The classes' queries (n, D): of a text only its class is known."""
        if not texts:
            return self.classes.queries[:0]
        return torch.stack([self.classes.of_text(text) for text in texts])

    def detect(self, images: EncodedImages, prompts: Tensor, mask: Tensor | None = None) -> Detections:
        """prompts (B or 1, Q, D), mask (B, Q) True where a prompt is real."""
        return self.detector(images, prompts, mask)

    def describe_boxes(self, images: EncodedImages, boxes_cxcywh: Tensor, prompts: Tensor | None = None) -> Detections:
        """boxes (B, Q, 4), prompts (B or 1, Q, D) or None."""
        return self.detector.describe_boxes(images, boxes_cxcywh, prompts)

    def refine(self, images: EncodedImages, detections: Detections, mask: Tensor | None = None) -> Tensor:
        """The tokens (B, Q, D) as they are: there is no post decoder."""
        return detections.tokens

    def save(self, folder: Path | str) -> None:
        """Writes config and weights into `folder`."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        save_file({name: value.contiguous() for name, value in self.state_dict().items()}, folder / WEIGHTS)
        with (folder / WEIGHTS).open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        provenance = {**self.provenance, "weights_sha256": digest}
        content = {"architecture": asdict(self.config), "provenance": provenance}
        (folder / CONFIG).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path | str, device: str | torch.device = "cpu") -> ClassDetector:
        """A saved model in evaluation mode. Raises OSError or RuntimeError where the folder holds none, or another."""
        folder = Path(folder)
        content = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        model = cls(from_mapping(ModelConfig, content["architecture"]), content["provenance"])
        model.load_state_dict(load_file(folder / WEIGHTS))
        return model.to(device).eval()


class ClassClassifier(FindingClassifier):
    """Findings by the learned vectors where Chex-Ray has positive and negative prompts."""

    def __init__(self, model: ClassDetector) -> None:
        super().__init__(model, load_vocabulary())

    def prompt_features(self, findings: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Normalised vectors of presence and of absence, (C, D) each."""
        return tuple(nn.functional.normalize(side, dim=-1) for side in self.prompt_means(findings))

    def prompt_means(self, findings: Sequence[str]) -> tuple[Tensor, Tensor]:
        """The same as they were learned."""
        classes = self._model.classes
        places = [classes.classified[self.finding_id(name)] for name in findings]
        return classes.present[places], classes.absent[places]
