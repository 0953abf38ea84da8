"""What the model's benchmark measures: the same question to the model and to its plain eager counterpart."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from chex import Chex, vocabulary
from chex.inference.report import PromptSet
from chex.inference.session import Session
from chex.losses.boxes import anatomy_box_loss, pathology_box_loss
from chex.losses.classification import pathology_class_loss
from chex.losses.contrastive import clip_loss
from chex.model.tokenizer import Tokenizer
from chex.model_config import PRESETS
from chex.records import Query
from tests.benchmarks.eager.model import EagerModel
from tests.benchmarks.forced_words import ForcedWords, natural_lengths

PROMPTS = 51
FROZEN_LAYERS = 8
GOALS = {
    "detection_1": 1.5, "detection_8": 1.5, "training_step": 1.2, "generation_256": 3.0, "generation_256_all_47": 2.0,
    "report_natural": 4.0, "report_47": 2.0,
}  # fmt: skip


@dataclass
class Row:
    """`run` asks one of the two models; what it returns must be the same. `before` is not timed."""

    name: str
    run: Callable[[object], object]
    repeats: int
    before: Callable[[], object] = lambda: None
    training: bool = False


def made_model(preset: str, device: str) -> Chex:
    """Random weights at the preset's size; tokenizers trained on the project's own terms."""
    terms = vocabulary.load()
    texts = [prompt for finding in terms.findings.values() for prompt in (*finding.positive, *finding.negative)]
    prompts, sentences = (Tokenizer.train(texts, 1000, lowercase=lowercase) for lowercase in (True, False))
    config = PRESETS[preset]()
    dropouts = {"dropout": 0.0, "embedding_dropout": 0.0, "attention_dropout": 0.0}
    config = replace(
        config, generator=replace(config.generator, max_tokens=max(config.generator.max_tokens, 64), **dropouts)
    )
    torch.manual_seed(0)
    model = Chex(config, prompt_tokenizer=prompts, sentence_tokenizer=sentences)
    torch.nn.init.constant_(model.post_decoder.gate, 0.5)  # at its initial 0 the post decoder would change nothing
    return model.to(device).eval()


class Rows:
    """Both models, with the same weights, and what they are asked."""

    def __init__(self, preset: str, device: str) -> None:
        self.model = made_model(preset, device)
        self.words = ForcedWords(len(self.model.sentence_tokenizer), self.model.sentence_tokenizer.end_id)
        self.eager = EagerModel(self.model, self.words).to(device).eval()
        self.model.generator.next_words = self.words
        for side in (self.model, self.eager):
            side.prompt_encoder.requires_grad_(False)
            for part in side.image_encoder.blocks[:FROZEN_LAYERS]:
                part.requires_grad_(False)
        self.model.image_encoder.freeze(FROZEN_LAYERS)
        terms = vocabulary.load()
        texts = [r.prompt for r in terms.regions.values()] + [f.box_prompt for f in terms.findings.values()]
        self.prompts = list(dict.fromkeys(texts))[:PROMPTS]
        drawn = torch.Generator().manual_seed(1)
        size = self.model.config.image_encoder.image_size
        self.pixels = torch.randint(0, 256, (8, size, size), generator=drawn, dtype=torch.uint8)
        self.tokens = torch.randn(256, self.model.config.image_encoder.embedding, generator=drawn).to(device)

    def __iter__(self) -> Iterator[Row]:
        yield from self._encoding()
        yield from self._detection()
        for sentences, lengths in ((1, None), (16, None), (256, None), (256, 47)):
            yield self._generation(sentences, lengths)
        for lengths in (None, 47):
            yield self._report(lengths)
        yield from self._training()  # last: it gives up what makes inference fast

    @torch.inference_mode()
    def warm_up(self) -> None:
        """Everything once, as in a process that has answered before: some weights are rearranged at their first use."""
        self.words.lengths = torch.ones(2, dtype=torch.long)
        t = self.model.sentence_tokenizer
        for model in (self.eager, self.model):
            images = model.encode_images(self.pixels[:1])
            model.refine(images, model.detect(images, model.text_features(self.prompts[:2])[None]))
            model.generator.generate(self.tokens[:2], t.start_id, t.end_id)

    def _encoding(self) -> Iterator[Row]:
        for images in (1, 8):
            yield Row(f"encoding_{images}", lambda m, n=images: m.encode_images(self.pixels[:n]).patches, 7)

    def _detection(self) -> Iterator[Row]:
        with torch.inference_mode():
            features = self.model.text_features(self.prompts)[None]
            encoded = {n: self.model.encode_images(self.pixels[:n]) for n in (1, 8)}
        for n, images in encoded.items():
            yield Row(f"detector_alone_{n}", lambda m, i=images: m.detect(i, features).tokens, 7)
        for n, images in encoded.items():
            ask = lambda m, i=images: m.detect(i, m.text_features(self.prompts)[None]).tokens
            yield Row(f"detection_{n}", ask, 5)

    def _training(self) -> Iterator[Row]:
        features = self.model.text_features(self.prompts)
        for name, given in (("training_step_given_prompts", features), ("training_step", None)):
            yield Row(name, lambda m, f=given: TrainingStep(self.pixels[:4], self.prompts, f)(m), 3, training=True)

    def _generation(self, sentences: int, length: int | None) -> Row:
        def before() -> None:
            self.words.lengths = _lengths(sentences, length)

        def run(model) -> list[list[int]]:
            t = model.sentence_tokenizer
            return model.generator.generate(self.tokens[:sentences], t.start_id, t.end_id)

        name = f"generation_{sentences}" + (f"_all_{length}" if length else "")
        return Row(name, run, {1: 5, 16: 3}.get(sentences, 1), before=before)

    def _report(self, length: int | None) -> Row:
        sides = {id(model): Session(model) for model in (self.eager, self.model)}
        prompts = PromptSet("benchmark", tuple(Query(text=prompt) for prompt in self.prompts))
        image = self.pixels[0].numpy()

        def before() -> None:
            self.words.lengths = _lengths(PROMPTS, length)
            # prompts stay known from report to report, sentences do not
            self.model.forget_texts()
            self.model.text_features(self.prompts)

        def run(model) -> list[str]:
            return [finding.sentence for finding in sides[id(model)].report([image], prompts)[0].findings]

        return Row("report_47" if length else "report_natural", run, 3, before=before)


class TrainingStep:
    """Forward, losses and backward of the detector and the unfrozen end of the image encoder."""

    def __init__(self, pixels: Tensor, prompts: list[str], features: Tensor | None) -> None:
        self.pixels, self.prompts, self.features = pixels, prompts, features

    def __call__(self, model) -> Tensor:
        features = model.text_features(self.prompts) if self.features is None else self.features
        images = model.encode_images(self.pixels)
        loss = self.loss(model.detect(images, features[None]), images, features)
        loss.backward()
        return loss.detach()

    def loss(self, found, images, features: Tensor) -> Tensor:
        """The regions' and the findings' losses, on made-up targets: two thirds of the prompts are regions."""
        batch, prompts = found.tokens.shape[:2]
        drawn = torch.Generator().manual_seed(2)
        targets = (torch.rand(batch * prompts, 2, 4, generator=drawn) * 0.4 + 0.2).to(found.tokens.device)
        present = (torch.rand(batch * prompts, 2, generator=drawn) < 0.7).to(found.tokens.device)
        region = (torch.arange(batch * prompts, device=present.device) % prompts) < prompts * 2 // 3
        boxes, scores, tokens = (x.flatten(0, 1) for x in (found.boxes_cxcywh, found.scores, found.tokens))
        own = (torch.arange(batch * prompts, device=present.device) % prompts)[~region]
        loss_boxes, loss_scores = pathology_box_loss(
            boxes[~region], scores[~region], torch.full_like(scores[~region], 0.5), targets[~region], present[~region]
        )
        classes = pathology_class_loss(tokens[~region], own, present[~region, 0].long(), features, features.flip(0))
        anatomy = anatomy_box_loss(boxes[region], scores[region], targets[region], present[region], own_groups(region))
        reports = features[: len(images.patches)]
        return loss_boxes + loss_scores + classes + anatomy + clip_loss(images.patches.mean(dim=1), reports)


def own_groups(region: Tensor) -> Tensor:
    """Which of the regions are groups, such as both lungs: every tenth."""
    return torch.arange(int(region.sum()), device=region.device) % 10 == 0


def _lengths(sentences: int, length: int | None) -> Tensor:
    return natural_lengths(sentences) if length is None else torch.full((sentences,), length)
