"""The model, composed of its parts; it predicts and knows neither targets nor thresholds.

Letters: B images, Q prompts, M boxes per prompt, D width, n texts.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

import chex
from chex.config import from_mapping
from chex.model.card import model_card
from chex.model.detections import Detections, EncodedImages
from chex.model.image_encoder import ImageEncoder
from chex.model.post_decoder import PostDecoder
from chex.model.prompt_detector import PromptDetector
from chex.model.prompt_encoder import PromptEncoder
from chex.model.sentence_generator import SentenceGenerator
from chex.model.tokenizer import Tokenizer, TokenizerConfig
from chex.model.unfilled import Unfilled
from chex.model_config import ModelConfig

CONFIG, WEIGHTS, CARD = "config.json", "model.safetensors", "README.md"
PROMPT_TOKENIZER, SENTENCE_TOKENIZER = "prompt_tokenizer.json", "sentence_tokenizer.json"
CACHED_TEXTS = 100_000


class Chex(nn.Module):
    """`Chex.load(DIR)` gives a model ready for inference; `save(DIR)` writes everything that needs."""

    def __init__(
        self, config: ModelConfig, *, prompt_tokenizer: Tokenizer, sentence_tokenizer: Tokenizer,
        provenance: dict | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        width = config.image_encoder.embedding
        self.config = config
        self.provenance = {"model_name": config.name, **(provenance or {})}
        self.prompt_tokenizer = prompt_tokenizer
        self.sentence_tokenizer = sentence_tokenizer
        self.image_encoder = ImageEncoder(config.image_encoder)
        self.prompt_encoder = PromptEncoder(config.prompt_encoder)
        self.detector = PromptDetector(config.detector, width)
        self.post_decoder = PostDecoder(config.post_decoder, width)
        self.generator = SentenceGenerator(config.generator, width)
        self._text_cache: OrderedDict[str, Tensor] = OrderedDict()

    @property
    def device(self) -> torch.device:
        return self.detector.region_tokens.device

    def encode_images(self, pixels: Tensor) -> EncodedImages:
        """pixels (B, S, S) uint8 → patch tokens."""
        p = self.config.preprocessing
        return self.image_encoder((pixels.to(self.device).float() / 255 - p.mean) / p.std)

    def encode_texts(self, texts: Sequence[str]) -> Tensor:
        """Texts to features (n, D), with gradients and without the cache: for training the encoder itself."""
        ids, lengths = self.prompt_tokenizer.encode(texts, context=self.config.prompt_encoder.context)
        return self.prompt_encoder(ids.to(self.device), lengths.to(self.device))

    @torch.no_grad()
    def text_features(self, texts: Sequence[str]) -> Tensor:
        """Features (n, D) of texts by the frozen prompt encoder; each text is encoded once."""
        missing = {text for text in texts if text not in self._text_cache}
        missing = sorted(missing, key=lambda text: (len(text), text))  # a set's order is another in each process
        for start in range(0, len(missing), 256):
            chunk = missing[start : start + 256]
            with torch.autocast(self.device.type, enabled=False):
                self._text_cache.update(zip(chunk, self.encode_texts(chunk)))
        if not len(texts):
            return torch.zeros(0, self.config.prompt_encoder.embedding, device=self.device)
        features = torch.stack([self._text_cache[text] for text in texts])
        while len(self._text_cache) > CACHED_TEXTS:
            self._text_cache.popitem(last=False)
        return features

    def forget_texts(self) -> None:
        """Empties the cache of text features; needed whenever the prompt encoder's weights or device change."""
        self._text_cache.clear()

    def _apply(self, fn, recurse: bool = True):
        self.forget_texts()
        return super()._apply(fn, recurse)

    def load_state_dict(self, *args, **kwargs):
        self.forget_texts()
        return super().load_state_dict(*args, **kwargs)

    def detect(self, images: EncodedImages, prompts: Tensor, mask: Tensor | None = None) -> Detections:
        """prompts (B or 1, Q, D), mask (B, Q) True where a prompt is real."""
        return self.detector(images, prompts, mask)

    def describe_boxes(self, images: EncodedImages, boxes_cxcywh: Tensor, prompts: Tensor | None = None) -> Detections:
        """boxes (B, Q, 4), prompts (B or 1, Q, D) or None."""
        return self.detector.describe_boxes(images, boxes_cxcywh, prompts)

    def refine(self, images: EncodedImages, detections: Detections, mask: Tensor | None = None) -> Tensor:
        """Tokens for classification of regions and for sentences (B, Q, D)."""
        return self.post_decoder(images, detections, mask)

    def write(self, tokens: Tensor, *, max_tokens: int | None = None) -> list[str]:
        """Refined tokens (n, D) → one sentence each."""
        t = self.sentence_tokenizer
        return t.decode(self.generator.generate(tokens, t.start_id, t.end_id, max_tokens=max_tokens))

    def save(self, folder: Path | str, *, stored_as: torch.dtype = torch.float32) -> None:
        """Writes config, weights, tokenizers and a model card into `folder`, which is made if need be.

        Nothing in the folder changes before everything is written. A file of torch.float16 is half as large; what is
        loaded computes with the types of the model again. Raises ValueError if a weight does not fit into that type.
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".saving-", dir=folder) as partial:
            new = Path(partial)
            weights = {name: _stored(name, tensor, stored_as) for name, tensor in self.state_dict().items()}
            (new / WEIGHTS).touch()
            mode = (new / WEIGHTS).stat().st_mode  # safetensors writes for the owner alone, whatever the umask says
            save_file(weights, new / WEIGHTS)
            (new / WEIGHTS).chmod(mode)
            self.prompt_tokenizer.save(new / PROMPT_TOKENIZER)
            self.sentence_tokenizer.save(new / SENTENCE_TOKENIZER)
            provenance = self._provenance_of(new / WEIGHTS)
            tokenizers = {
                "prompt": asdict(self.prompt_tokenizer.config), "sentence": asdict(self.sentence_tokenizer.config),
            }  # fmt: skip
            content = {"architecture": asdict(self.config), "tokenizers": tokenizers, "provenance": provenance}
            (new / CONFIG).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
            (new / CARD).write_text(model_card(self.config, provenance, _sizes(self)), encoding="utf-8")
            for name in (WEIGHTS, PROMPT_TOKENIZER, SENTENCE_TOKENIZER, CARD, CONFIG):
                (new / name).replace(folder / name)

    def _provenance_of(self, weights: Path) -> dict:
        with weights.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return self.provenance | {
            "weights_sha256": digest, "software_version": chex.__version__, "model_version": digest[:12],
        }  # fmt: skip

    @classmethod
    def load(cls, folder: Path | str, device: str | torch.device = "cpu") -> Chex:
        """A saved model in evaluation mode. Raises FileNotFoundError or ValueError that names what is wrong."""
        folder = Path(folder)
        missing = [n for n in (CONFIG, WEIGHTS, PROMPT_TOKENIZER, SENTENCE_TOKENIZER) if not (folder / n).is_file()]
        if missing:
            raise FileNotFoundError(f"{folder} is no model folder: {', '.join(missing)} not found")
        model = _unfilled(folder, _content(folder / CONFIG))
        try:
            weights = load_file(folder / WEIGHTS)
        except SafetensorError as problem:
            raise ValueError(f"{folder / WEIGHTS} is damaged: {problem}") from problem
        expected = model.state_dict()
        wrong = [f"{n} is missing" for n in expected if n not in weights]
        wrong += [f"{n} is unknown" for n in weights if n not in expected]
        wrong += [
            f"{n} has shape {tuple(weights[n].shape)}, expected {tuple(expected[n].shape)}"
            for n in expected
            if n in weights and weights[n].shape != expected[n].shape
        ]
        if wrong:
            raise ValueError(f"{folder / WEIGHTS} does not fit {CONFIG}: {'; '.join(wrong[:5])}")
        model.load_state_dict({n: weight.to(expected[n].dtype) for n, weight in weights.items()}, assign=True)
        return model.to(device).eval()


def _stored(name: str, tensor: Tensor, stored_as: torch.dtype) -> Tensor:
    tensor = tensor.detach().cpu().contiguous()
    if tensor.dtype != torch.float32:
        return tensor
    stored = tensor.to(stored_as)
    if stored.isfinite().sum() < tensor.isfinite().sum():
        raise ValueError(f"{name}: expected values within {stored_as}; the largest is {tensor.abs().max():.3g}")
    return stored


def _content(file: Path) -> dict:
    """A model folder's configuration, tokenizers and provenance."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as problem:
        raise ValueError(f"{file} is not valid JSON: {problem}") from problem
    if not (isinstance(content, dict) and {"architecture", "provenance"} <= set(content)):
        raise ValueError(f"{file} is no model's: it needs architecture and provenance")
    return {"tokenizers": {}, **content}  # folders written before tokenizers had settings


def _unfilled(folder: Path, content: dict) -> Chex:
    """A model without weights, with its configuration, tokenizers and provenance."""
    prompts, sentences = (
        from_mapping(TokenizerConfig, content["tokenizers"].get(name, {})) for name in ("prompt", "sentence")
    )
    with Unfilled():
        return Chex(
            from_mapping(ModelConfig, content["architecture"]),
            prompt_tokenizer=Tokenizer.load(folder / PROMPT_TOKENIZER, prompts),
            sentence_tokenizer=Tokenizer.load(folder / SENTENCE_TOKENIZER, sentences),
            provenance=content["provenance"],
        )


def _sizes(model: nn.Module) -> dict[str, int]:
    """How many parameters each part has."""
    return {name: sum(p.numel() for p in part.parameters()) for name, part in model.named_children()}
