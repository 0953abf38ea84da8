"""The weights of a pretrained GPT-2 in a folder or on the hub."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from chex.model.official.checkpoint import check_weights, read_weights_file
from chex.model.official.hub import downloaded
from chex.model.official.tokenizers import LANGUAGE_MODEL_HUB_ID


def language_model_weights(source: Path | str = LANGUAGE_MODEL_HUB_ID) -> dict[str, Tensor]:
    """A GPT-2's weights by the names of its own library, without the prefix `transformer.` and the tied output.

    Raises FileNotFoundError or ValueError that names the source.
    """
    file = _weights_file(source)
    if file.suffix == ".safetensors":
        try:
            weights = load_file(file)
        except SafetensorError as error:
            raise ValueError(f"{file} is damaged: {error}") from error
    else:
        weights = read_weights_file(file)
    complete = isinstance(weights, Mapping) and "wte.weight" in {str(n).removeprefix("transformer.") for n in weights}
    if not complete:
        raise ValueError(f"{file} does not hold a GPT-2's weights (transformer.wte.weight and so on)")
    check_weights(weights, str(file))
    tied = weights.get("lm_head.weight")
    bare = {name.removeprefix("transformer."): weight for name, weight in weights.items() if name != "lm_head.weight"}
    if tied is not None and not torch.equal(tied, bare.get("wte.weight", torch.empty(0))):
        raise ValueError(f"{file}: lm_head.weight differs from the word embeddings, which it must be tied to")
    return bare


def _weights_file(source: Path | str) -> Path:
    names = ("model.safetensors", "pytorch_model.bin")
    if Path(source).is_dir():
        for name in names:
            if (Path(source) / name).is_file():
                return Path(source) / name
        raise FileNotFoundError(f"{source} holds no weights: neither {' nor '.join(names)} found")
    try:
        return Path(downloaded(str(source), names[0]))
    except FileNotFoundError:
        return Path(downloaded(str(source), names[1]))
