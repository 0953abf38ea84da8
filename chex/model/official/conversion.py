"""A checkpoint in memory to a model in memory: every weight accounted for, or all that is wrong told at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import torch
from torch import Tensor

from chex import config as configuration
from chex.model.chex import Chex
from chex.model.official.architecture import Reader, read_architecture
from chex.model.official.names import CHEX, GPT2_CONSTANTS, Translated, translate
from chex.model.tokenizer import Tokenizer
from chex.model.unfilled import Unfilled

LANGUAGE_MODEL = "txt_decoder.language_model."


class DoesNotFit(ValueError):
    """Weights that are not those of this model. `problems` holds one sentence per fault."""

    def __init__(self, what: str, problems: list[str]) -> None:
        self.problems = tuple(problems)
        lines = "".join(f"\n  {problem}" for problem in problems)
        super().__init__(f"{what}, {len(problems)} problem(s):{lines}")


def convert(
    checkpoint: Mapping[str, Any],
    *,
    prompt_tokenizer: Tokenizer,
    sentence_tokenizer: Tokenizer,
    language_model_config: Mapping[str, Any],
    detector_attends_to: Literal["prompt", "image"] = "prompt",
) -> Chex:
    """The authors' checkpoint (`config_dict` and `state_dict`) as a model in evaluation mode.

    language_model_config: GPT-2's own, for the number of its heads is written nowhere else. detector_attends_to:
    the authors ask the detector without a prompt mask for reports and regions ("prompt") and with one for sentence
    grounding and pathology detection; then every prompt sees all others ("image"). Raises DoesNotFit with every
    missing, unknown or misshapen weight and every setting that this model cannot have.
    """
    weights, settings = checkpoint["state_dict"], checkpoint["config_dict"]
    read = Reader(settings, weights)
    config = read_architecture(read, language_model_config, detector_attends_to=detector_attends_to)
    translated = translate(weights, CHEX)
    problems = read.problems + _unexplained(translated, weights)
    for part, tokenizer, rows in (
        ("CLIP", prompt_tokenizer, config.prompt_encoder.vocabulary_size),
        ("language model", sentence_tokenizer, config.generator.vocabulary_size),
    ):
        if len(tokenizer) != rows:
            problems.append(f"the {part}'s tokenizer has {len(tokenizer)} tokens, its weights have {rows}")
    if not problems:
        try:
            configuration.check(config)
        except configuration.ConfigError as error:
            problems += error.problems
    if problems:
        # a model of unknown sizes cannot be built; what can be said of single weights is said all the same
        raise DoesNotFit("the checkpoint does not fit", problems + unusable(translated))
    tokenizers = {"prompt_tokenizer": prompt_tokenizer, "sentence_tokenizer": sentence_tokenizer}
    with torch.device("meta"):  # sizes that a file only claims cost no memory
        shapes = {name: weight.shape for name, weight in Chex(config, **tokenizers).state_dict().items()}
    check_fit(shapes, translated, "the checkpoint does not fit")
    with Unfilled():
        model = Chex(config, **tokenizers)
    fill(model, translated)
    return model.eval()


def check_fit(shapes: Mapping[str, torch.Size], translated: Translated, what: str, known: Sequence[str] = ()) -> None:
    """Raises DoesNotFit, with `known` problems first, unless every weight is there, usable and of its shape."""
    problems = [*known, *(f"nothing for {name}" for name in shapes if name not in translated.weights)]
    for name, weight in translated.weights.items():
        origin = translated.origins[name]
        if name not in shapes:
            problems.append(f"{origin} has no place")
        elif weight.shape != shapes[name]:
            found, expected = tuple(weight.shape), tuple(shapes[name])
            problems.append(f"{origin} (for {name}) has shape {found}, expected {expected}")
    problems += unusable(translated)
    if problems:
        raise DoesNotFit(what, problems)


def fill(model: torch.nn.Module, translated: Translated) -> None:
    """Gives a model single-precision copies of weights that fit it."""
    own = {name: weight.detach().to(torch.float32).clone(memory_format=torch.contiguous_format)
           for name, weight in translated.weights.items()}  # fmt: skip
    model.load_state_dict(own, assign=True)


def unusable(translated: Translated) -> list[str]:
    """Weights that are no finite floating-point numbers, by the names they came under."""
    problems = {}
    for name, weight in translated.weights.items():
        origin = translated.origins[name]
        if not weight.is_floating_point():
            problems[origin] = f"{origin} holds {weight.dtype}, expected floating-point numbers"
        elif not torch.isfinite(weight).all():
            problems[origin] = f"{origin} holds values that are not finite"
    return list(problems.values())


def _unexplained(translated: Translated, weights: Mapping[str, Tensor]) -> list[str]:
    """Names that no rule knows, without those that repeat what other weights say."""
    problems = []
    for name in translated.unknown:
        if name == f"{LANGUAGE_MODEL}lm_head.weight":
            words = weights.get(f"{LANGUAGE_MODEL}transformer.wte.weight")
            if words is None or not torch.equal(weights[name], words):
                problems.append(f"{name} differs from the word embeddings, which it must be tied to")
        elif not GPT2_CONSTANTS.fullmatch(name.removeprefix(f"{LANGUAGE_MODEL}transformer.")):
            problems.append(f"{name} is unknown")
    return problems
