"""What the authors call each weight and what it is called here, one rule per kind of weight.

Weights come in three layouts: OpenAI's CLIP, the decoders of the ChEX authors, and GPT-2 as Hugging Face stores it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from torch import Tensor


def _unchanged(weight: Tensor) -> tuple[Tensor, ...]:
    return (weight,)


def _query_apart(weight: Tensor) -> tuple[Tensor, ...]:
    """Query, key and value come stacked; here the query has a layer of its own."""
    if weight.ndim == 0:
        return weight, weight
    width = len(weight) // 3
    return weight[:width], weight[width:]


def _transposed(weight: Tensor) -> tuple[Tensor, ...]:
    """GPT-2's layers hold (in, out), a linear layer (out, in)."""
    return (weight.T if weight.ndim == 2 else weight,)


@dataclass(frozen=True, slots=True)
class Rule:
    """`theirs` may hold {n}, the number of a layer, and {k}, weight or bias; `ours` holds them again."""

    theirs: str
    ours: tuple[str, ...]
    change: Callable[[Tensor], tuple[Tensor, ...]] = _unchanged

    def under(self, theirs: str, ours: str) -> Rule:
        """The same rule with both names inside other modules."""
        return Rule(theirs + self.theirs, tuple(ours + name for name in self.ours), self.change)

    def pattern(self) -> re.Pattern[str]:
        escaped = re.escape(self.theirs).replace(r"\{n\}", "(?P<n>0|[1-9][0-9]{0,3})")
        return re.compile(escaped.replace(r"\{k\}", "(?P<k>weight|bias)"))


def _modules(names: Mapping[str, str]) -> tuple[Rule, ...]:
    return tuple(Rule(f"{theirs}.{{k}}", (f"{ours}.{{k}}",)) for theirs, ours in names.items())


def _tensors(names: Mapping[str, str]) -> tuple[Rule, ...]:
    return tuple(Rule(theirs, (ours,)) for theirs, ours in names.items())


def _attention(theirs: str, ours: str) -> tuple[Rule, ...]:
    """PyTorch's multi-head attention."""
    stacked = Rule(f"{theirs}.in_proj_{{k}}", (f"{ours}.to_query.{{k}}", f"{ours}.to_key_value.{{k}}"), _query_apart)
    return (stacked, *_modules({f"{theirs}.out_proj": f"{ours}.to_output"}))


def under(theirs: str, ours: str, rules: Iterable[Rule]) -> tuple[Rule, ...]:
    """Rules of a part as rules of the whole."""
    return tuple(rule.under(theirs, ours) for rule in rules)


_CLIP_BLOCK = under("transformer.resblocks.{n}.", "blocks.{n}.", (
    *_attention("attn", "attention"),
    *_modules({"ln_1": "norm_attention", "ln_2": "norm_feed_forward",
               "mlp.c_fc": "feed_forward.expand", "mlp.c_proj": "feed_forward.contract"}),
))  # fmt: skip
CLIP_IMAGE = (
    *_CLIP_BLOCK,
    *_tensors({"class_embedding": "class_embedding", "positional_embedding": "positional_embedding",
               "proj": "projection", "conv1.weight": "stem.weight"}),
    *_modules({"ln_pre": "norm_before", "ln_post": "norm_after"}),
)  # fmt: skip
CLIP_TEXT = (
    *_CLIP_BLOCK,
    *_tensors({"positional_embedding": "positional_embedding", "text_projection": "projection",
               "token_embedding.weight": "token_embedding.weight"}),
    *_modules({"ln_final": "norm_after"}),
)  # fmt: skip

_DECODER_BLOCK = (
    *_attention("sa_block.sa", "self_attention"),
    *_attention("mha_block.mha", "cross_attention"),
    *_modules({"norm_sa": "norm_self", "norm_mha": "norm_cross", "norm_encoder": "norm_memory",
               "norm_ff": "norm_feed_forward", "ff_block.layers.0": "feed_forward.expand",
               "ff_block.layers.3": "feed_forward.contract"}),
    *_tensors({"ls_sa.gamma": "scale_self.gamma", "ls_mha.gamma": "scale_cross.gamma",
               "ls_ff.gamma": "scale_feed_forward.gamma"}),
)  # fmt: skip
DETECTOR = (
    *under("decoder.decoder_layers.{n}.", "blocks.{n}.", _DECODER_BLOCK),
    *_tensors({"multiregion_tokens": "region_tokens"}),
    *_modules({"bbox_predictor.0": "box_norm", "bbox_predictor.1.layers.0": "box_head.expand",
               "bbox_predictor.1.layers.3": "box_head.contract", "patch_projector.0": "roi_pool.norm",
               "patch_projector.1.layers.0": "roi_pool.project", "out_projector.0": "output_norm",
               "out_projector.1.layers.0": "output_head.expand", "out_projector.1.layers.3": "output_head.contract",
               "multiregion_weight_mlp.layers.0": "score_head.expand",
               "multiregion_weight_mlp.layers.3": "score_head.contract"}),
)  # fmt: skip
POST_DECODER = (
    *under("post_decoder_layers.{n}.", "blocks.{n}.", _DECODER_BLOCK),
    *_tensors({"gate": "gate"}),
    *_modules({"ln_gate": "norm"}),
)

_GPT2_LAYERS = {"attn.c_attn": "to_query_key_value", "attn.c_proj": "to_output", "mlp.c_fc": "expand",
                "mlp.c_proj": "contract"}  # fmt: skip
GPT2 = (
    *_tensors({"wte.weight": "token_embedding.weight", "wpe.weight": "positional_embedding.weight"}),
    *_modules({"ln_f": "norm", "h.{n}.ln_1": "blocks.{n}.norm_attention", "h.{n}.ln_2": "blocks.{n}.norm_feed_forward"}),
    *(Rule(f"h.{{n}}.{theirs}.weight", (f"blocks.{{n}}.{ours}.weight",), _transposed)
      for theirs, ours in _GPT2_LAYERS.items()),
    *_tensors({f"h.{{n}}.{theirs}.bias": f"blocks.{{n}}.{ours}.bias" for theirs, ours in _GPT2_LAYERS.items()}),
)  # fmt: skip
# Constants that some versions of transformers store beside the weights: the causal mask, and what it masks with
GPT2_CONSTANTS = re.compile(r"h\.\d{1,4}\.attn\.(bias|masked_bias)")
PREFIX_HEAD = _modules({"layers.0": "expand", "layers.3": "contract"})

CHEX = (
    *under("img_encoder.backbone.", "image_encoder.", CLIP_IMAGE),
    *under("txt_encoder.", "prompt_encoder.", CLIP_TEXT),
    *under("detector.", "detector.", DETECTOR),
    *under("post_decoder.", "post_decoder.", POST_DECODER),
    *under("txt_decoder.language_model.transformer.", "generator.language_model.", GPT2),
    *under("txt_decoder.prefix_proj.", "generator.prefix_head.", PREFIX_HEAD),
)


@dataclass(frozen=True, slots=True)
class Translated:
    """Weights by our names, where each came from, and the names that no rule knows."""

    weights: dict[str, Tensor]
    origins: dict[str, str]
    unknown: list[str]


def translate(weights: Mapping[str, Tensor], rules: Iterable[Rule]) -> Translated:
    """Renames and rearranges every weight that a rule knows."""
    patterns = [(rule, rule.pattern()) for rule in rules]
    found = Translated({}, {}, [])
    for theirs, weight in weights.items():
        for rule, pattern in patterns:
            if match := pattern.fullmatch(theirs):
                for template, part in zip(rule.ours, rule.change(weight), strict=True):
                    ours = template.format(**match.groupdict())
                    found.weights[ours], found.origins[ours] = part, theirs
                break
        else:
            found.unknown.append(theirs)
    return found
