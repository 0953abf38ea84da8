"""The eager parts behind the interface of the model, so that the same program asks both."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from chex.model.chex import Chex
from chex.model.detections import Detections, EncodedImages
from tests.benchmarks.eager.decoders import EagerDetector, EagerPostDecoder
from tests.benchmarks.eager.generator import EagerGenerator
from tests.benchmarks.eager.towers import EagerImageEncoder, EagerPromptEncoder
from tests.benchmarks.forced_words import ForcedWords


class EagerModel(nn.Module):
    """Has the weights of a model; answers what the model answers."""

    def __init__(self, ours: Chex, words: ForcedWords) -> None:
        super().__init__()
        self.config, self.provenance = ours.config, ours.provenance
        self.prompt_tokenizer, self.sentence_tokenizer = ours.prompt_tokenizer, ours.sentence_tokenizer
        self.image_encoder = EagerImageEncoder(ours.image_encoder)
        self.prompt_encoder = EagerPromptEncoder(ours.prompt_encoder)
        self.detector = EagerDetector(ours.detector)
        self.post_decoder = EagerPostDecoder(ours.post_decoder)
        self.generator = EagerGenerator(ours.generator, words)

    @property
    def device(self) -> torch.device:
        return self.detector.ours.region_tokens.device

    def encode_images(self, pixels: Tensor) -> EncodedImages:
        p = self.config.preprocessing
        return self.image_encoder((pixels.to(self.device).float() / 255 - p.mean) / p.std)

    @torch.no_grad()
    def text_features(self, texts: Sequence[str]) -> Tensor:
        ids, lengths = self.prompt_tokenizer.encode(texts, context=self.config.prompt_encoder.context)
        return self.prompt_encoder(ids.to(self.device), lengths.to(self.device))

    def detect(self, images: EncodedImages, prompts: Tensor) -> Detections:
        return self.detector(images, prompts)

    def refine(self, images: EncodedImages, detections: Detections) -> Tensor:
        return self.post_decoder(images, detections)

    def write(self, tokens: Tensor) -> list[str]:
        t = self.sentence_tokenizer
        return t.decode(self.generator.generate(tokens, t.start_id, t.end_id))
