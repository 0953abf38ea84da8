"""Recorded weights in our parts, every one of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from torch import Tensor, nn

from chex.model.attention import decoder_blocks
from chex.model.official.names import DETECTOR, Rule, translate
from chex.model_config import DecoderConfig
from tests.parity.cases import Case

BLOCKS = "decoder.decoder_layers."  # what a detector calls its blocks, whose names the rules know


def fill(part: nn.Module, params: Mapping[str, Tensor], rules: Iterable[Rule]) -> set[str]:
    """Puts recorded weights into a part, which is then in evaluation mode → the names of ours that got none.

    Raises ValueError for a recorded weight that has no place.
    """
    translated = translate(params, rules)
    if translated.unknown:
        raise ValueError(f"no place for the recorded weights {translated.unknown}")
    missing, unexpected = part.load_state_dict(translated.weights, strict=False)
    if unexpected:
        raise ValueError(f"no place for {unexpected}")
    part.eval()
    return set(missing)


def blocks_of(params: Mapping[str, Tensor], heads: int, width: int) -> nn.ModuleList:
    """Decoder blocks from weights named LAYER.PART; what a recorded block lacks adds nothing in ours."""
    layers = {int(name.partition(".")[0]) for name in params}
    holder = nn.Module()
    holder.blocks = decoder_blocks(DecoderConfig(layers=len(layers), heads=heads), width)
    absent = fill(holder, {BLOCKS + name: weight for name, weight in params.items()}, DETECTOR)
    silence(holder.blocks, {name.removeprefix("blocks.") for name in absent})
    return holder.blocks


def silence(blocks: nn.ModuleList, absent: Iterable[str]) -> None:
    """Multiplies by 0 the branches whose scale was not recorded. Raises ValueError for half a branch."""
    branches = {
        "scale_self": {"norm_self", "self_attention"},
        "scale_cross": {"norm_cross", "norm_memory", "cross_attention"},
    }
    absent = set(absent)
    for number, block in enumerate(blocks):
        for scale, modules in branches.items():
            if f"{number}.{scale}.gamma" in absent:
                getattr(block, scale).gamma.data.zero_()
                gone = {f"{number}.{module}." for module in {scale, *modules}}
                absent = {name for name in absent if not name.startswith(tuple(gone))}
    if absent:
        raise ValueError(f"nothing recorded for {sorted(absent)}")


def heads_of(case: Case) -> int:
    """From the case's own values, else from the sizes of the set."""
    known = {**case.header.get("sizes", {}), **case.kwargs}
    for name in ("nhead", "n_head", "h"):
        if name in known:
            return known[name]
    raise ValueError("the number of attention heads is recorded neither with the case nor with the set")
